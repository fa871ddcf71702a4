/* Leaves: closes what is ours, and hands the last steps, which no mapped code of the stub can take, to the trampoline. */
#include "stub.h"

/* The vDSO's code is kernel memory that stays mapped: the one place from where the stub's last page can be unmapped. */
static uintptr_t exit_gadget(const struct run *run)
{
    const uint64_t *vdso = auxv_entry(&run->kernel, AT_SYSINFO_EHDR);
    if (!vdso)
        return 0;
    const uint8_t *image = (const uint8_t *)*vdso;
    const struct elf_phdr *phdr;
    size_t count = elf_phdrs(image, &phdr);
    for (size_t i = 0; i < count; i++)
        if (phdr[i].type == PT_LOAD && (phdr[i].flags & PF_X))
            return arch_exit_gadget(image + phdr[i].offset, phdr[i].filesz);
    return 0;
}

static size_t trampoline_size(void)
{
    return (size_t)(trampoline_end - (const uint8_t *)&trampoline);
}

static int same_code(int fd, const uint8_t *code, size_t size, uint64_t offset)
{
    uint8_t there[1024];
    if (size > sizeof there || SYS(SYS_pread64, fd, there, size, offset, 0) != (long)size)
        return 0;
    for (size_t i = 0; i < size; i++)
        if (there[i] != code[i])
            return 0;
    return 1;
}

/* The installed stub holds the same code, is another file, and is there already: half the price of a new file. */
static long map_spare(const struct run *run)
{
    if (!run->header.spare || run->plan_by_descriptor)
        return -ENOENT;
    long fd = SYS(SYS_openat, AT_FDCWD, run->plan + run->header.spare, O_RDONLY | O_CLOEXEC, 0, 0);
    if (failed(fd))
        return fd;
    const uint8_t *code = (const uint8_t *)&trampoline;
    uint64_t offset = (uint64_t)(code - stub_image), within = offset & (run->kernel.page - 1);
    long at = -ESTALE;
    if (same_code((int)fd, code, trampoline_size(), offset))
        at = map(0, run->kernel.page, PROT_READ | PROT_EXEC, MAP_PRIVATE, (int)fd, offset - within);
    SYS(SYS_close, fd, 0, 0, 0, 0);
    return failed(at) ? at : at + (long)within;
}

static long map_copy(const struct run *run)
{
    long fd = SYS(SYS_memfd_create, "miniload", MFD_CLOEXEC | MFD_EXEC, 0, 0, 0);
    if (fd == -EINVAL) /* before Linux 6.3 there is no MFD_EXEC: every memfd is executable */
        fd = SYS(SYS_memfd_create, "miniload", MFD_CLOEXEC, 0, 0, 0);
    if (failed(fd))
        return fd;
    long at = SYS(SYS_write, fd, &trampoline, trampoline_size(), 0, 0);
    if (!failed(at))
        at = map(0, run->kernel.page, PROT_READ | PROT_EXEC, MAP_PRIVATE, (int)fd, 0);
    SYS(SYS_close, fd, 0, 0, 0, 0);
    return at;
}

/* The exe link can be set only when no mapping of the old exe file is left, the stub's own code included. So where it may be
 * set, the trampoline runs from another file: the installed stub, or a copy in a memfd. Mapped read+execute from the start,
 * since W^X policies (MDWE, SELinux execmem) forbid memory that was written to become executable. */
void copy_trampoline(struct run *run)
{
    run->trampoline = (uint64_t)&trampoline;
    if (!sets_exe_link(run))
        return;
    long copy = map_spare(run);
    if (failed(copy))
        copy = map_copy(run);
    if (failed(copy))
        run->exe_error = (int)-copy;
    else
        run->trampoline = (uint64_t)copy;
}

static void close_files(const struct run *run, int except)
{
    for (uint32_t i = 0; i < run->header.files.count; i++)
        if (run->fds[i] != except)
            SYS(SYS_close, run->fds[i], 0, 0, 0, 0);
}

static uint64_t page_up(const struct run *run, uint64_t value)
{
    return (value + run->kernel.page - 1) & -run->kernel.page;
}

/* Puts [start, end) on the list, together with the last entry if they touch: one munmap for both costs less than two. */
static void unmap_later(struct departure *d, size_t *used, uint64_t start, uint64_t end)
{
    if (start >= end)
        return;
    if (*used && d->unmap[*used - 1].start + d->unmap[*used - 1].size == start) {
        d->unmap[*used - 1].size += end - start;
    } else if (*used < UNMAP_SLOTS) {
        d->unmap[*used].start = start;
        d->unmap[(*used)++].size = end - start;
    }
}

/* What is unmapped at last: each of the stub's segments, but for the page that the trampoline runs in, and the plan. Nothing
 * between them: the kernel may have put something else there (the vDSO, say). */
static void list_unmaps(const struct run *run, struct departure *d)
{
    const struct elf_phdr *phdr;
    size_t count = elf_phdrs(stub_image, &phdr), used = 0;
    for (size_t i = 0; i < count; i++) {
        if (phdr[i].type != PT_LOAD || phdr[i].flags == PF_R)
            continue;
        uint64_t start = ((uint64_t)stub_image + phdr[i].vaddr) & -run->kernel.page;
        uint64_t end = page_up(run, (uint64_t)stub_image + phdr[i].vaddr + phdr[i].memsz);
        if (start <= d->own && d->own < end) {
            unmap_later(d, &used, start, d->own);
            start = d->own + d->own_size;
        }
        unmap_later(d, &used, start, end);
    }
    uint64_t plan = (uint64_t)run->plan & -run->kernel.page;
    unmap_later(d, &used, plan, page_up(run, (uint64_t)run->plan + run->plan_size));
}

void depart(const struct run *run, const struct prctl_mm_map *mm)
{
    int with_exe = sets_exe_link(run);
    struct departure d = {0};
    d.sp = run->sp;
    d.entry = address_of(run, run->header.entry);
    d.gadget = exit_gadget(run);
    d.own = run->trampoline & -run->kernel.page;
    d.own_size = run->kernel.page;
    d.exe_fd = with_exe ? run->fds[run->header.exe_file] : -1;
    close_files(run, (int)d.exe_fd);
    list_unmaps(run, &d);
    if (run->header.flags & PLAN_REPORT)
        report_level(run, d.gadget == 0);

    /* Below the program's stack pointer, the only memory that is there to stay; the trampoline clears it again. */
    struct departure *there = (struct departure *)((run->sp - 1024) & ~(uint64_t)15);
    struct prctl_mm_map *mm_there = (struct prctl_mm_map *)(there + 1);
    memcpy(mm_there, mm, sizeof *mm);
    d.clear = sizeof *there + sizeof *mm_there;
    d.mm_map = with_exe ? (uint64_t)mm_there : 0;
    d.mm_map_size = sizeof *mm;
    memcpy(there, &d, sizeof d);
    ((void (*)(const struct departure *))run->trampoline)(there);
    __builtin_unreachable();
}
