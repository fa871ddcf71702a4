/* What the stub's files share. No libc: fixed-width types, raw system calls, errors as -errno. */
#ifndef MINILOAD_STUB_H
#define MINILOAD_STUB_H

#include <stddef.h>
#include <stdint.h>

#include "plan.h"
#include "stub_arch.h"

#define HIDDEN __attribute__((visibility("hidden")))

/* Kernel ABI constants that are the same on every architecture here (include/uapi). */
enum {
    PROT_NONE = 0, PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4, PROT_GROWSDOWN = 0x01000000,
    MAP_PRIVATE = 2, MAP_FIXED = 0x10, MAP_ANONYMOUS = 0x20, MAP_NORESERVE = 0x4000, MAP_FIXED_NOREPLACE = 0x100000,
    O_RDONLY = 0, O_CLOEXEC = 02000000, AT_FDCWD = -100, AT_EMPTY_PATH = 0x1000,
    MFD_CLOEXEC = 1, MFD_EXEC = 0x10,
    PR_SET_NAME = 15, PR_SET_MM = 35, PR_SET_MM_MAP = 14,
    ADDR_NO_RANDOMIZE = 0x0040000,
    AT_NULL = 0, AT_IGNORE = 1, AT_PAGESZ = 6, AT_RANDOM = 25, AT_EXECFN = 31, AT_SYSINFO_EHDR = 33,
};
enum { EPERM = 1, ENOENT = 2, E2BIG = 7, ENOMEM = 12, EACCES = 13, EBUSY = 16, EEXIST = 17, EINVAL = 22, ENOSYS = 38, ESTALE = 116 };

static inline long sys(long nr, long a, long b, long c, long d, long e, long f)
{
    return arch_syscall6(nr, a, b, c, d, e, f);
}
#define SYS(nr, a, b, c, d, e) \
    sys((nr), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)

static inline long map(uint64_t at, uint64_t size, uint32_t prot, int flags, int fd, uint64_t offset)
{
    return sys(SYS_mmap, (long)at, (long)size, (long)prot, flags, fd, (long)offset);
}

static inline int failed(long result)
{
    return (unsigned long)result > -4096UL;
}

/* The process as the kernel made it for the stub: its first stack, decoded. */
struct kernel_stack {
    uint64_t *sp;
    uint64_t argc;
    char **argv, **envp;
    uint64_t *auxv_start;
    uint64_t auxv[2 * PLAN_MAX_AUXV]; /* a copy: the original is overwritten */
    size_t auxv_words;                /* AT_NULL pair included */
    uint64_t page;
    uint64_t top;                     /* end of the [stack] mapping */
    uint64_t arg_start;               /* where the kernel put the argv strings, 0 if there are none */
    uint8_t random[16];               /* fresh for this exec, used by nobody yet */
};

/* Everything one run of the stub knows. */
struct run {
    struct kernel_stack kernel;
    const uint8_t *plan;
    struct plan_header header;
    uint64_t plan_size;               /* of the plan's mapping */
    int plan_by_descriptor;           /* the executed file is the installed stub, without a plan in it */
    int randomize;
    uint64_t random[4];               /* from the kernel, used up from the end */
    size_t random_left;
    int fds[PLAN_MAX_FILES];
    uint64_t bias[PLAN_MAX_BASES];    /* what an offset of each base is added to */
    uint64_t sp;
    int mm_error, exe_error;          /* 0, or the errno that kept a level from being reached */
    uint64_t trampoline;              /* where it runs: in the stub itself, or in a copy that outlives the stub's file */
    const char *name;
};

/* The little of an ELF image that the stub reads: its own program headers and the vDSO's. */
struct elf_phdr {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};
enum { PT_LOAD = 1, PF_X = 1, PF_W = 2, PF_R = 4, ELF_PHDRS_AT = 64, ELF_PHNUM_AT = 56 };

static inline size_t elf_phdrs(const uint8_t *image, const struct elf_phdr **phdrs)
{
    *phdrs = (const struct elf_phdr *)(image + ELF_PHDRS_AT);
    return *(const uint16_t *)(image + ELF_PHNUM_AT);
}

/* Whether the exe link is going to be set, as far as is known. */
static inline int sets_exe_link(const struct run *run)
{
    return !run->mm_error && !run->exe_error;
}

/* Offsets are used by arch/<name>/trampoline.S. */
enum { UNMAP_SLOTS = 4 };
struct departure {
    uint64_t sp, entry;
    uint64_t gadget;              /* 0: the trampoline's own page stays */
    uint64_t own, own_size;
    uint64_t clear;               /* bytes of this structure */
    struct { uint64_t start, size; } unmap[UNMAP_SLOTS]; /* empty ones are skipped */
    uint64_t mm_map, mm_map_size; /* 0, or where the struct prctl_mm_map is that also sets the exe link */
    int64_t exe_fd;
};
_Static_assert(offsetof(struct departure, unmap) == 48, "trampoline.S");
_Static_assert(offsetof(struct departure, mm_map) == 112, "trampoline.S");
_Static_assert(offsetof(struct departure, exe_fd) == 128, "trampoline.S");

/* include/uapi/linux/prctl.h */
struct prctl_mm_map {
    uint64_t start_code, end_code, start_data, end_data, start_brk, brk, start_stack, arg_start, arg_end, env_start, env_end;
    uint64_t auxv;
    uint32_t auxv_size;
    uint32_t exe_fd;
};

HIDDEN extern const uint8_t stub_image[];
HIDDEN extern uint8_t stub_stack[16384];
HIDDEN void stub_main(uint64_t *sp);
HIDDEN void trampoline(const struct departure *departure) __attribute__((noreturn));
HIDDEN extern const uint8_t trampoline_end[];

/* say.c */
HIDDEN void die(const struct run *run, const char *what, long error) __attribute__((noreturn));
HIDDEN void report_level(const struct run *run, int leaves_page);
/* kernel_stack.c */
HIDDEN void read_kernel_stack(struct kernel_stack *stack, uint64_t *sp);
HIDDEN const uint64_t *auxv_entry(const struct kernel_stack *stack, uint64_t type);
/* plan.c */
HIDDEN void find_plan(struct run *run);
HIDDEN const void *plan_array(const struct run *run, struct plan_array array, size_t element);
HIDDEN uint64_t address_of(const struct run *run, struct plan_address address);
/* image.c */
HIDDEN void open_files(struct run *run);
HIDDEN void choose_bases(struct run *run);
HIDDEN void carry_out_ops(const struct run *run);
HIDDEN uint64_t random_below(struct run *run, uint64_t limit);
/* stack.c */
HIDDEN void place_stack(struct run *run);
HIDDEN void apply_fixups(const struct run *run, struct plan_array fixups);
/* process.c */
HIDDEN void tell_kernel(struct run *run, struct prctl_mm_map *mm);
/* depart.c */
HIDDEN void copy_trampoline(struct run *run);
HIDDEN void depart(const struct run *run, const struct prctl_mm_map *mm) __attribute__((noreturn));
/* memory.c */
HIDDEN void *memcpy(void *to, const void *from, size_t size);
HIDDEN void *memset(void *to, int value, size_t size);

#endif
