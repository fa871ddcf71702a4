/* The part of libunicorn's C interface (2.1.4 and later 2.1 releases) that the core uses, bound at run time: the library comes
 * with the `unicorn` package, whose Python binding is not imported. */
#ifndef MINILOAD_UNICORN_ABI_H
#define MINILOAD_UNICORN_ABI_H

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>

typedef struct uc_struct uc_engine;
typedef size_t uc_hook;

struct uc_tlb_entry {
    uint64_t paddr;
    int perms;
};

enum {
    UC_HOOK_INTR = 1, UC_HOOK_INSN = 2, UC_HOOK_CODE = 4, UC_HOOK_BLOCK = 8, UC_HOOK_INSN_INVALID = 1 << 14, UC_HOOK_TLB_FILL = 1 << 17,
    UC_MEM_READ = 16, UC_MEM_WRITE = 17, UC_MEM_FETCH = 18,
    UC_PROT_READ = 1, UC_PROT_ALL = 7, UC_TLB_VIRTUAL = 1, UC_ERR_INSN_INVALID = 10,
    UC_CTL_PAGE_SIZE = 1, UC_CTL_USE_EXITS = 4, UC_CTL_EXITS = 6, UC_CTL_CPU_MODEL = 7, UC_CTL_TB_REMOVE_CACHE = 9, UC_CTL_TB_FLUSH = 10, UC_CTL_TLB_FLUSH = 11,
    UC_CTL_TLB_TYPE = 12, UC_CTL_TCG_BUFFER_SIZE = 13,
};
/* Control word: operation (1: write) from bit 30, number of arguments from bit 26. */
#define UC_CTL_WRITE_0(control) ((int)(1u << 30 | 0u << 26 | (unsigned)(control)))
#define UC_CTL_WRITE_1(control) ((int)(1u << 30 | 1u << 26 | (unsigned)(control)))
#define UC_CTL_WRITE_2(control) ((int)(1u << 30 | 2u << 26 | (unsigned)(control)))

struct unicorn_api {
    void *library;
    int (*open)(int arch, int mode, uc_engine **uc);
    int (*close)(uc_engine *uc);
    int (*ctl)(uc_engine *uc, int control, ...);
    int (*mem_map_ptr)(uc_engine *uc, uint64_t address, uint64_t size, uint32_t perms, void *host);
    int (*hook_add)(uc_engine *uc, uc_hook *hook, int type, void *callback, void *user, uint64_t begin, uint64_t end, ...);
    int (*hook_del)(uc_engine *uc, uc_hook hook);
    int (*emu_start)(uc_engine *uc, uint64_t begin, uint64_t until, uint64_t timeout, size_t count);
    int (*emu_stop)(uc_engine *uc);
    int (*reg_read)(uc_engine *uc, int id, void *value);
    int (*reg_write)(uc_engine *uc, int id, const void *value);
    int (*reg_read_batch)(uc_engine *uc, const int *ids, void **values, int count);
    int (*reg_write_batch)(uc_engine *uc, const int *ids, void *const *values, int count);
    int (*context_alloc)(uc_engine *uc, void **context);
    int (*context_free)(void *context);
    int (*context_save)(uc_engine *uc, void *context);
    int (*context_restore)(uc_engine *uc, void *context);
    int (*vmem_translate)(uc_engine *uc, uint64_t address, int prot, uint64_t *physical);
};

static inline int unicorn_bind(struct unicorn_api *api, void *library)
{
    static const char names[][24] = {
        "uc_open", "uc_close", "uc_ctl", "uc_mem_map_ptr", "uc_hook_add", "uc_hook_del", "uc_emu_start", "uc_emu_stop",
        "uc_reg_read", "uc_reg_write", "uc_reg_read_batch", "uc_reg_write_batch", "uc_context_alloc",
        "uc_context_free", "uc_context_save", "uc_context_restore", "uc_vmem_translate",
    };
    void **slots = &api->library + 1; /* the other members are pointers, in this order */
    api->library = library;
    _Static_assert(sizeof names / sizeof *names + 1 == sizeof *api / sizeof *slots, "one name for each member");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        slots[i] = dlsym(library, names[i]);
        if (!slots[i]) {
            api->open = NULL;
            return -ENOSYS;
        }
    }
    return 0;
}

#endif
