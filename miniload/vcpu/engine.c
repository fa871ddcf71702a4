/* Finding, opening and setting up the engine. The numbers U1 to U36 are those of the pitfall list of Unicorn 2.1.4 in ARCHITECTURE.md. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <string.h>

#include "state.h"

struct unicorn_api api;

/* Tells where the code of a loaded object is. */
static int note_text(struct dl_phdr_info *object, size_t size, void *user)
{
    int error = 0;
    (void)size;
    (void)user;
    for (int i = 0; i < object->dlpi_phnum && !error; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        uintptr_t begin = object->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_LOAD && segment->p_flags & PF_X)
            error = signal_text(begin, begin + segment->p_memsz);
    }
    return error;
}

/* The engine binds 23,000 symbols, nearly all its own. To look there first saves a third of the time, but must not bypass an allocator that somebody has
 * put in place of libc's. */
static int search_itself_first(void)
{
    void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    bool own = libc && dlsym(libc, "malloc") == dlsym(RTLD_DEFAULT, "malloc");
    if (libc)
        dlclose(libc);
    return own ? RTLD_DEEPBIND : 0;
}

int vcpu_open_library(const char *path)
{
    if (api.open)
        return 0;
    void *library = dlopen(path, RTLD_LAZY | RTLD_LOCAL | search_itself_first());
    if (!library)
        return -ENOENT;
    int error = unicorn_bind(&api, library);
    return error ? error : dl_iterate_phdr(note_text, NULL);
}

/* U35: the engine calls a helper after every guest load and store, to see whether it shall stop, which costs two to five times the
 * access itself; at the start of every block it looks anyway. Its flag to leave the calls out is not in its interface, so it
 * is looked for in the engine's record, by the layout of 2.1.4: next_pc (8 bytes), hook_insert, first_tb, no_exit_request, init_done
 * (a byte each), 64 jump buffers, nested_level, last_tb, empty_view, tcg_buffer_size, of which the last has a value that nothing else
 * has. Where that is not found exactly once the engine is only slower. */
static uint8_t *find_no_exit_checks(const struct vcpu *v)
{
    enum { JUMP_BUFFERS = 64 * 200, FLAGS = 8, BUFFERS = 16, NESTED = BUFFERS + JUMP_BUFFERS, SIZE_AT = NESTED + 24 };
    uint8_t *record = (uint8_t *)v->uc, *found = NULL;
    size_t size = malloc_usable_size(record);
    for (size_t at = 0; at + SIZE_AT + 4 <= size; at += 8) {
        uint8_t *here = record + at;
        uint32_t buffer_size, nested;
        memcpy(&buffer_size, here + SIZE_AT, sizeof buffer_size);
        memcpy(&nested, here + NESTED, sizeof nested);
        if (buffer_size != TCG_BUFFER_SIZE || nested || here[FLAGS] > 1 || here[FLAGS + 1] > 1 || here[FLAGS + 2] || here[FLAGS + 3] != 1)
            continue;
        if (found)
            return NULL;
        found = here;
    }
    return found ? found + FLAGS + 2 : NULL;
}

/* Whether generated code looks for requests to stop after every hook and every access, and not only at the start of a block. */
int check_exits(struct vcpu *v, bool on)
{
    if (v->no_exit_checks)
        *v->no_exit_checks = !on;
    return api.ctl(v->uc, UC_CTL_WRITE_0(UC_CTL_TB_FLUSH)) ? -EIO : 0;
}

/* U18: the fill hook is told the page of an access, not its address, but the engine notes that of a refused one in its record. The place is
 * the one that follows two refused fetches, of an empty address space, from addresses that nothing else has. NULL if that is not one place. */
static const uint64_t *find_fault_address(struct vcpu *v)
{
    static const uint64_t telltale[] = {0x2a5a6b7c8d98, 0x15a9b8c7d6e4};
    enum { CANDIDATES = 16 };
    const uint64_t *record = (const uint64_t *)(const void *)v->uc, *found[CANDIDATES];
    size_t words = malloc_usable_size(v->uc) / sizeof *record, count = 0, left = 0;
    if (probe_fault(v, telltale[0]))
        return NULL;
    for (size_t i = 0; i < words && count < CANDIDATES; i++)
        if (record[i] == telltale[0])
            found[count++] = &record[i];
    if (probe_fault(v, telltale[1]))
        return NULL;
    for (size_t i = 0; i < count; i++)
        if (*found[i] == telltale[1])
            found[left++] = found[i];
    return left == 1 ? found[0] : NULL;
}

int open_engine(struct vcpu *v)
{
    if (api.open(v->arch.uc_arch, v->arch.uc_mode, &v->uc))
        return -EIO;
    if (v->arch.cpu_model >= 0 && api.ctl(v->uc, UC_CTL_WRITE_1(UC_CTL_CPU_MODEL), v->arch.cpu_model))
        return -EINVAL;
    if (v->arch.page_size && api.ctl(v->uc, UC_CTL_WRITE_1(UC_CTL_PAGE_SIZE), v->arch.page_size)) /* U21 */
        return -EINVAL;
    api.ctl(v->uc, UC_CTL_WRITE_1(UC_CTL_TCG_BUFFER_SIZE), TCG_BUFFER_SIZE); /* U31 */
    if (api.ctl(v->uc, UC_CTL_WRITE_1(UC_CTL_TLB_TYPE), UC_TLB_VIRTUAL))
        return -EIO;
    if (api.ctl(v->uc, UC_CTL_WRITE_1(UC_CTL_USE_EXITS), 1)) /* a list of end addresses, and it is empty: a run has no end of its own */
        return -EIO;
    if (api.mem_map_ptr(v->uc, 0, v->size, UC_PROT_ALL, v->region)) /* U5, U6 */
        return -ENOMEM;
    v->no_exit_checks = find_no_exit_checks(v);
    inline_checks(v);
    int error = add_hooks(v);
    if (error)
        return error;
    v->fault_address = find_fault_address(v);
    want_attention(v); /* so that what a signal handler calls later is bound by then */
    return check_exits(v, false);
}

/* A run ends, too, before an instruction that starts in [first, end]; nowhere else if end is 0. */
int set_exits(struct vcpu *v, uint64_t first, uint64_t end)
{
    uint64_t addresses[VCPU_INSTRUCTION_MAX + 1];
    size_t count = 0;
    for (uint64_t at = first; end && at <= end && count < sizeof addresses / sizeof *addresses; at++)
        addresses[count++] = at;
    return api.ctl(v->uc, UC_CTL_WRITE_2(UC_CTL_EXITS), addresses, count) ? -EIO : 0;
}
