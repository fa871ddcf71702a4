/* Finds the plan and checks it: appended to the stub's own file as its last PT_LOAD, or behind an inherited descriptor. */
#include "stub.h"

/* MINILOAD_PLAN_FD=N is the last environment entry when the plan could not be part of the executed file. */
static int plan_descriptor(const struct kernel_stack *kernel)
{
    static const char key[] = "MINILOAD_PLAN_FD=";
    char **entry = kernel->envp;
    if (!*entry)
        return -1;
    while (entry[1])
        entry++;
    const char *text = *entry;
    for (size_t i = 0; i < sizeof key - 1; i++)
        if (text[i] != key[i])
            return -1;
    int fd = 0;
    for (text += sizeof key - 1; *text >= '0' && *text <= '9' && fd < 1 << 24; text++)
        fd = fd * 10 + (*text - '0');
    return *text ? -1 : fd;
}

static void map_plan(struct run *run, int fd)
{
    long at = map(0, run->kernel.page, PROT_READ, MAP_PRIVATE, fd, 0);
    if (failed(at))
        die(run, "cannot map the plan", at);
    uint64_t size = ((const struct plan_header *)at)->size;
    SYS(SYS_munmap, at, run->kernel.page, 0, 0, 0);
    at = map(0, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (failed(at))
        die(run, "cannot map the plan", at);
    SYS(SYS_close, fd, 0, 0, 0, 0);
    run->plan = (const uint8_t *)at;
    run->plan_size = size;
}

static void check_header(const struct run *run)
{
    const struct plan_header *h = &run->header;
    for (size_t i = 0; i < sizeof h->magic; i++)
        if (h->magic[i] != PLAN_MAGIC[i])
            die(run, "the plan has no magic", 0);
    if (h->size < sizeof *h || h->size > run->plan_size)
        die(run, "the plan is truncated", 0);
    if (h->machine != ARCH_MACHINE)
        die(run, "the plan is for another machine", 0);
    if (h->bases.count <= BASE_PROGRAM || h->bases.count > PLAN_MAX_BASES || h->files.count > PLAN_MAX_FILES)
        die(run, "the plan has too many or too few bases or files", 0);
    if (h->exe_file >= h->files.count || h->name >= h->size || h->spare >= h->size)
        die(run, "the plan names what it has not", 0);
}

/* The plan is the one read-only PT_LOAD of the stub's own file, if Python made one. */
static int find_appended(struct run *run)
{
    const struct elf_phdr *phdr;
    size_t count = elf_phdrs(stub_image, &phdr);
    for (size_t i = 0; i < count; i++)
        if (phdr[i].type == PT_LOAD && phdr[i].flags == PF_R) {
            run->plan = stub_image + phdr[i].vaddr;
            run->plan_size = phdr[i].filesz;
            return 1;
        }
    return 0;
}

void find_plan(struct run *run)
{
    if (!find_appended(run)) {
        int fd = plan_descriptor(&run->kernel);
        if (fd < 0)
            die(run, "no plan: this file is a part of miniload, not a command", 0);
        map_plan(run, fd);
        run->plan_by_descriptor = 1;
    }
    memcpy(&run->header, run->plan, sizeof run->header);
    check_header(run);
    run->name = (const char *)run->plan + run->header.name;
}

const void *plan_array(const struct run *run, struct plan_array array, size_t element)
{
    if (array.offset > run->header.size || (run->header.size - array.offset) / element < array.count)
        die(run, "the plan has an array outside itself", 0);
    return run->plan + array.offset;
}

uint64_t address_of(const struct run *run, struct plan_address address)
{
    if (address.base >= run->header.bases.count)
        die(run, "the plan uses a base that it has not", 0);
    return run->bias[address.base] + address.offset;
}
