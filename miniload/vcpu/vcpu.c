/* See vcpu.h. The numbers U1 to U35 in comments are those of the pitfall list of Unicorn 2.1.4 in ARCHITECTURE.md. */
#define _GNU_SOURCE
#include "vcpu.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "hostsig.h"
#include "turn.h"
#include "unicorn_abi.h"

enum { TCG_BUFFER_SIZE = (256 << 20) + 0x5000 };

/* A system call on its way to the host. */
struct call {
    long number, args[VCPU_ARGS];
    struct iovec iovec[VCPU_IOVEC_MAX];
};

struct vcpu_task {
    void *context; /* registers, while another task owns the engine */
    struct call call;
};

struct vcpu {
    uc_engine *uc;
    bool quick;         /* see skip_exit_checks */
    struct vcpu_arch arch;
    uint8_t *region;
    uint64_t size;
    uint8_t *prot; /* one byte for each page of the region */
    struct vcpu_syscall *table;
    uint32_t table_count;
    struct call call; /* the system call that is being made */
    struct turn turn;
    struct vcpu_task *owner; /* whose registers the engine has */
    atomic_int tasks, yield;
    int32_t fd_low, fd_high; /* descriptors that are not the guest's */
    uint64_t misses, tlb_entries;
    atomic_int stop;
    bool refused;       /* the fill hook has refused the access in exit */
    bool leave;         /* a hook has filled exit in and stopped the engine */
    struct vcpu_exit exit;
    struct vcpu_counts counts;
    uc_hook count_hook;
    bool counting;
};

static struct unicorn_api api;

int vcpu_open_library(const char *path)
{
    if (api.open)
        return 0;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return -ENOENT;
    return unicorn_bind(&api, library);
}

static uint8_t prot_of(const struct vcpu *v, uint64_t address)
{
    return address < v->size ? v->prot[address / VCPU_PAGE] : 0;
}

/* U3: the TLB grows only when it is flushed, so flush when the misses since the last growth say that it is too small. */
static void grow_tlb(struct vcpu *v)
{
    if (++v->misses <= 3 * v->tlb_entries || v->tlb_entries >= 32768)
        return;
    v->misses = 0;
    v->tlb_entries *= 2;
    api.ctl(v->uc, UC_CTL_WRITE_0(UC_CTL_TLB_FLUSH));
}

/* U1, U2, U18: the engine asks for every page that it has not in its TLB; true permissions make stores run inline. */
static bool fill(uc_engine *uc, uint64_t address, int type, struct uc_tlb_entry *entry, void *user)
{
    struct vcpu *v = user;
    (void)uc;
    uint8_t prot = prot_of(v, address);
    uint8_t needed = type == UC_MEM_WRITE ? VCPU_WRITE : type == UC_MEM_FETCH ? VCPU_EXEC : VCPU_READ;
    v->counts.tlb_fills++;
    if (!(prot & needed)) {
        v->refused = true;
        v->exit.address = address;
        v->exit.access = needed;
        return false;
    }
    grow_tlb(v);
    entry->paddr = address & ~(uint64_t)(VCPU_PAGE - 1);
    entry->perms = prot;
    return true;
}

static void leave_with(struct vcpu *v, uint32_t reason, uint64_t number)
{
    v->leave = true;
    v->exit.reason = reason;
    v->exit.number = number;
    api.emu_stop(v->uc);
}

static bool in_region(const struct vcpu *v, uint64_t start, uint64_t size)
{
    return size <= v->size && start <= v->size - size;
}

/* The guest's iovec array with the host's addresses. 0 or -errno. */
static long translate_iovec(struct vcpu *v, uint64_t address, uint64_t count, struct iovec *out)
{
    if ((int32_t)count < 0 || count > VCPU_IOVEC_MAX)
        return -EINVAL;
    if (vcpu_copy_in(v, address, out, count * sizeof *out))
        return -EFAULT;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t base = (uint64_t)(uintptr_t)out[i].iov_base;
        if ((int64_t)out[i].iov_len < 0)
            return -EINVAL;
        if (!in_region(v, base, out[i].iov_len))
            return -EFAULT;
        out[i].iov_base = v->region + base;
    }
    return 0;
}

/* Translates one argument; false with *error set if it cannot be passed on. */
static bool translate(struct vcpu *v, const struct vcpu_syscall *row, int i, const uint64_t *args, struct call *call, long *error)
{
    long *out = &call->args[i];
    uint64_t value = args[i], size;
    switch (row->kinds[i]) {
    case VCPU_ARG_VALUE:
        *out = (long)value;
        return true;
    case VCPU_ARG_FD:
        *out = (int32_t)value;
        *error = -EBADF;
        return *out < v->fd_low || *out > v->fd_high;
    case VCPU_ARG_INT:
        *out = (int32_t)value;
        return true;
    case VCPU_ARG_IOVEC:
        *out = (long)call->iovec;
        *error = translate_iovec(v, value, (uint32_t)args[row->sizes[i]], call->iovec);
        return !*error;
    case VCPU_ARG_POINTER:
    case VCPU_ARG_BUFFER:
    case VCPU_ARG_STRING:
    case VCPU_ARG_ARRAY:
        size = row->kinds[i] == VCPU_ARG_POINTER ? row->sizes[i] : row->kinds[i] == VCPU_ARG_BUFFER ? args[row->sizes[i]] : 1;
        if (row->kinds[i] == VCPU_ARG_ARRAY)
            size = (uint64_t)(uint32_t)args[row->sizes[i] & 255] * (row->sizes[i] >> 8);
        *out = value ? (long)(v->region + value) : 0;
        *error = -EFAULT;
        return !value || in_region(v, value, size);
    default:
        *out = 0;
        return true;
    }
}

/* The system call on the host, with pointers into the region, if the table says that it is that simple. A pointer to pages
 * that the guest has not mapped is the host kernel's to find out: the region is PROT_NONE there. */
enum passed { NOT_PASSED, PASSED, WAITS };

static enum passed pass_through(struct vcpu *v, uint64_t number, const uint64_t *args, int64_t *result)
{
    if (number >= v->table_count || v->table[number].host_number < 0)
        return NOT_PASSED;
    const struct vcpu_syscall *row = &v->table[number];
    struct call *call = v->owner ? &v->owner->call : &v->call;
    long error = 0;
    call->number = row->host_number;
    for (int i = 0; i < VCPU_ARGS; i++)
        if (!translate(v, row, i, args, call, &error)) {
            *result = error;
            return PASSED;
        }
    v->counts.syscalls_passed++;
    if (row->flags & VCPU_BLOCKS && atomic_load_explicit(&v->tasks, memory_order_relaxed) > 1)
        return WAITS;
    *result = host_call(call->number, call->args);
    return PASSED;
}

/* A signal came before the call or meanwhile: what becomes of it depends on what the guest does with the signal. */
static bool is_interrupted(int64_t result)
{
    return result == HOST_RESTART || (result == -EINTR && signal_slot()->pending);
}

static void on_syscall(struct vcpu *v)
{
    int32_t ids[VCPU_ARGS + 1];
    uint64_t values[VCPU_ARGS + 1];
    ids[0] = v->arch.number;
    memcpy(ids + 1, v->arch.args, sizeof v->arch.args);
    vcpu_read_registers(v, ids, values, VCPU_ARGS + 1);
    int64_t result = 0;
    enum passed how = pass_through(v, values[0], values + 1, &result);
    if (how == PASSED && !is_interrupted(result)) {
        uint64_t word = (uint64_t)result;
        api.reg_write(v->uc, v->arch.result, &word);
        return;
    }
    memcpy(v->exit.args, values + 1, sizeof v->exit.args);
    v->exit.interrupted = result;
    leave_with(v, how == WAITS ? VCPU_EXIT_NONE : VCPU_EXIT_SYSCALL, values[0]);
}

static void on_interrupt(uc_engine *uc, uint32_t number, void *user)
{
    struct vcpu *v = user;
    (void)uc;
    if (number == v->arch.syscall_interrupt)
        on_syscall(v);
    else
        leave_with(v, VCPU_EXIT_INTERRUPT, number);
}

/* U29: what the instruction does to registers besides is left to us. The program counter is still the instruction's own here, and the engine moves
 * it on if it is not stopped. */
static void on_syscall_instruction(uc_engine *uc, void *user)
{
    struct vcpu *v = user;
    uint64_t next = 0, flags = 0;
    (void)uc;
    api.reg_read(v->uc, v->arch.pc, &next);
    api.reg_read(v->uc, v->arch.flags, &flags);
    next += (uint64_t)v->arch.syscall_size;
    api.reg_write(v->uc, v->arch.return_address, &next);
    api.reg_write(v->uc, v->arch.saved_flags, &flags);
    on_syscall(v);
}

static bool on_invalid(uc_engine *uc, void *user)
{
    (void)uc;
    leave_with(user, VCPU_EXIT_INVALID, 0);
    return false;
}

static void on_block(uc_engine *uc, uint64_t address, uint32_t size, void *user)
{
    struct vcpu *v = user;
    (void)uc;
    (void)address;
    (void)size;
    v->counts.blocks++;
}

static int add_hooks(struct vcpu *v)
{
    uc_hook hook;
    int bad = api.hook_add(v->uc, &hook, UC_HOOK_TLB_FILL, (void *)fill, v, (uint64_t)1, (uint64_t)0)
        || api.hook_add(v->uc, &hook, UC_HOOK_INTR, (void *)on_interrupt, v, (uint64_t)1, (uint64_t)0)
        || api.hook_add(v->uc, &hook, UC_HOOK_INSN_INVALID, (void *)on_invalid, v, (uint64_t)1, (uint64_t)0);
    if (!bad && v->arch.syscall_instruction)
        bad = api.hook_add(v->uc, &hook, UC_HOOK_INSN, (void *)on_syscall_instruction, v, (uint64_t)1, (uint64_t)0, v->arch.syscall_instruction);
    return bad ? -EIO : 0;
}

/* U35: the engine calls a helper after every guest load and store, to see whether it shall stop, which costs two to five times the
 * access itself; at the start of every block it looks anyway. Its flag to leave the calls out is not in its interface, so it
 * is looked for in the engine's record, by the layout of 2.1.4: next_pc (8 bytes), hook_insert, first_tb, no_exit_request, init_done
 * (a byte each), 64 jump buffers, nested_level, last_tb, empty_view, tcg_buffer_size, of which the last has a value that nothing else
 * has. Where that is not found exactly once the engine is only slower. */
static bool skip_exit_checks(struct vcpu *v)
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
            return false;
        found = here;
    }
    if (found)
        found[FLAGS + 2] = 1;
    return found;
}

static int open_engine(struct vcpu *v)
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
    v->quick = skip_exit_checks(v);
    return add_hooks(v);
}

int vcpu_create(const struct vcpu_arch *arch, uint64_t size, struct vcpu **out)
{
    if (!api.open)
        return -ENOSYS;
    if (!size || size % VCPU_PAGE || size > (uint64_t)1 << 46)
        return -EINVAL;
    struct vcpu *v = calloc(1, sizeof *v);
    if (!v)
        return -ENOMEM;
    v->arch = *arch;
    v->size = size;
    v->fd_low = 1;
    v->tlb_entries = 256;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    /* One page more, never accessible: an unterminated string at the region's end stops there. */
    void *region = mmap(NULL, size + VCPU_PAGE, PROT_NONE, flags, -1, 0);
    void *prot = mmap(NULL, size / VCPU_PAGE, PROT_READ | PROT_WRITE, flags, -1, 0);
    v->region = region == MAP_FAILED ? NULL : region;
    v->prot = prot == MAP_FAILED ? NULL : prot;
    int error = v->region && v->prot ? open_engine(v) : -ENOMEM;
    if (error) {
        vcpu_destroy(v);
        return error;
    }
    *out = v;
    return 0;
}

void vcpu_destroy(struct vcpu *v)
{
    if (!v)
        return;
    if (v->uc)
        api.close(v->uc);
    if (v->region)
        munmap(v->region, v->size + VCPU_PAGE);
    if (v->prot)
        munmap(v->prot, v->size / VCPU_PAGE);
    free(v->table);
    free(v);
}

int vcpu_quick(const struct vcpu *v)
{
    return v->quick;
}

uint64_t vcpu_size(const struct vcpu *v)
{
    return v->size;
}

void *vcpu_region(const struct vcpu *v)
{
    return v->region;
}

/* Sets the protection of pages as the guest sees it, and forgets what was cached of them: translations, if they were or
 * become executable (U7), and TLB entries always. */
int vcpu_protect(struct vcpu *v, uint64_t start, uint64_t size, uint8_t prot)
{
    if (start % VCPU_PAGE || size % VCPU_PAGE || !in_region(v, start, size))
        return -EINVAL;
    uint8_t had = 0;
    uint8_t *first = v->prot + start / VCPU_PAGE, *end = first + size / VCPU_PAGE;
    for (uint8_t *p = first; p < end; p++)
        had |= *p;
    if (!had && !prot)
        return 0;
    memset(first, prot, (size_t)(end - first));
    if (!had)
        return 0; /* nothing can be cached of pages that were not there */
    if ((had | prot) & VCPU_EXEC)
        return vcpu_invalidate(v, start, size);
    return api.ctl(v->uc, UC_CTL_WRITE_0(UC_CTL_TLB_FLUSH)) ? -EIO : 0;
}

int vcpu_protection(const struct vcpu *v, uint64_t address)
{
    return prot_of(v, address);
}

int vcpu_invalidate(struct vcpu *v, uint64_t start, uint64_t size)
{
    if (!in_region(v, start, size))
        return -EINVAL;
    if (size > (uint64_t)16 << 20) {
        if (api.ctl(v->uc, UC_CTL_WRITE_0(UC_CTL_TB_FLUSH)))
            return -EIO;
    } else if (size && api.ctl(v->uc, UC_CTL_WRITE_2(UC_CTL_TB_REMOVE_CACHE), start, start + size)) {
        return -EIO;
    }
    return api.ctl(v->uc, UC_CTL_WRITE_0(UC_CTL_TLB_FLUSH)) ? -EIO : 0;
}

int vcpu_read_registers(struct vcpu *v, const int32_t *ids, uint64_t *values, uint32_t count)
{
    void *places[VCPU_REGISTERS_MAX];
    if (count > VCPU_REGISTERS_MAX)
        return -EINVAL;
    for (uint32_t i = 0; i < count; i++) {
        values[i] = 0; /* narrower registers fill only a part */
        places[i] = &values[i];
    }
    return api.reg_read_batch(v->uc, ids, places, (int)count) ? -EINVAL : 0;
}

int vcpu_write_registers(struct vcpu *v, const int32_t *ids, const uint64_t *values, uint32_t count)
{
    const void *places[VCPU_REGISTERS_MAX];
    if (count > VCPU_REGISTERS_MAX)
        return -EINVAL;
    for (uint32_t i = 0; i < count; i++)
        places[i] = &values[i];
    return api.reg_write_batch(v->uc, ids, (void *const *)places, (int)count) ? -EINVAL : 0;
}

int vcpu_read_register_bytes(struct vcpu *v, int32_t id, void *value)
{
    return api.reg_read(v->uc, id, value) ? -EINVAL : 0;
}

int vcpu_write_register_bytes(struct vcpu *v, int32_t id, const void *value)
{
    return api.reg_write(v->uc, id, value) ? -EINVAL : 0;
}

/* Saves into *context, which is made if it is NULL. */
int vcpu_save(struct vcpu *v, void **context)
{
    if (!*context && api.context_alloc(v->uc, context))
        return -ENOMEM;
    return api.context_save(v->uc, *context) ? -EIO : 0;
}

int vcpu_restore(struct vcpu *v, void *context)
{
    return api.context_restore(v->uc, context) ? -EIO : 0;
}

void vcpu_free_context(void *context)
{
    if (context)
        api.context_free(context);
}

static bool is_sound(const struct vcpu_syscall *row)
{
    for (int k = 0; k < VCPU_ARGS; k++) {
        uint16_t size = row->sizes[k];
        if ((row->kinds[k] == VCPU_ARG_BUFFER || row->kinds[k] == VCPU_ARG_IOVEC) && size >= VCPU_ARGS)
            return false;
        if (row->kinds[k] == VCPU_ARG_ARRAY && (size & 255) >= VCPU_ARGS)
            return false;
    }
    return true;
}

/* One row more, or another in its place. */
int vcpu_set_syscall(struct vcpu *v, uint32_t number, const struct vcpu_syscall *row)
{
    if (number >= VCPU_SYSCALLS_MAX || !is_sound(row))
        return -EINVAL;
    if (number >= v->table_count) {
        uint32_t count = number < 512 ? 512 : VCPU_SYSCALLS_MAX;
        struct vcpu_syscall *table = realloc(v->table, count * sizeof *table);
        if (!table)
            return -ENOMEM;
        for (uint32_t i = v->table_count; i < count; i++)
            table[i] = (struct vcpu_syscall){.host_number = -1};
        v->table = table;
        v->table_count = count;
    }
    v->table[number] = *row;
    return 0;
}

int vcpu_set_syscalls(struct vcpu *v, const struct vcpu_syscall *table, uint32_t count)
{
    if (count > VCPU_SYSCALLS_MAX)
        return -EINVAL;
    for (uint32_t i = 0; i < count; i++)
        if (!is_sound(&table[i]))
            return -EINVAL;
    struct vcpu_syscall *copy = malloc(count ? count * sizeof *copy : 1);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, table, count * sizeof *copy);
    free(v->table);
    v->table = copy;
    v->table_count = count;
    return 0;
}

int vcpu_reserve_fds(struct vcpu *v, int32_t low, int32_t high)
{
    v->fd_low = low;
    v->fd_high = high;
    return 0;
}

/* Counting costs nothing when it is off: the hook is only there when it is on (U8: and code is translated anew then). */
int vcpu_count(struct vcpu *v, int on)
{
    if (!!on == v->counting)
        return 0;
    if (on) {
        if (api.hook_add(v->uc, &v->count_hook, UC_HOOK_BLOCK, (void *)on_block, v, (uint64_t)1, (uint64_t)0))
            return -EIO;
    } else if (api.hook_del(v->uc, v->count_hook)) {
        return -EIO;
    }
    v->counting = !!on;
    return api.ctl(v->uc, UC_CTL_WRITE_0(UC_CTL_TB_FLUSH)) ? -EIO : 0;
}

int vcpu_counts(const struct vcpu *v, struct vcpu_counts *counts)
{
    *counts = v->counts;
    return 0;
}

static void classify(struct vcpu *v, int error)
{
    if (v->leave)
        return;
    if (error && v->refused) {
        v->exit.reason = VCPU_EXIT_FAULT;
    } else if (!error) {
        v->exit.reason = VCPU_EXIT_STOP; /* ours, or the end of somebody's slice, perhaps one that is over already */
    } else {
        v->exit.reason = error == UC_ERR_INSN_INVALID ? VCPU_EXIT_INVALID : VCPU_EXIT_ERROR;
        v->exit.number = (uint64_t)error;
    }
}

static void kick(void *user)
{
    struct vcpu *v = user;
    atomic_store(&v->yield, 1);
    api.emu_stop(v->uc);
}

/* Makes the engine's registers the task's. */
static int own(struct vcpu *v, struct vcpu_task *task)
{
    struct vcpu_task *before = v->owner;
    if (before == task)
        return 0;
    int error = before ? vcpu_save(v, &before->context) : 0;
    if (!error && task->context)
        error = vcpu_restore(v, task->context);
    v->owner = task;
    return error;
}

int vcpu_task_create(struct vcpu *v, struct vcpu_task **out)
{
    struct vcpu_task *task = calloc(1, sizeof *task);
    if (!task)
        return -ENOMEM;
    int error = vcpu_save(v, &task->context);
    if (error) {
        free(task);
        return error;
    }
    atomic_fetch_add(&v->tasks, 1);
    *out = task;
    return 0;
}

void vcpu_task_destroy(struct vcpu *v, struct vcpu_task *task)
{
    if (v->owner == task)
        v->owner = NULL;
    atomic_fetch_sub(&v->tasks, 1);
    vcpu_free_context(task->context);
    free(task);
}

int vcpu_take_turn(struct vcpu *v, struct vcpu_task *task)
{
    turn_take(&v->turn, kick, v);
    return own(v, task);
}

int vcpu_give_turn(struct vcpu *v, struct vcpu_task *task)
{
    (void)task;
    turn_give(&v->turn);
    return 0;
}

int vcpu_forked(struct vcpu *v, struct vcpu_task *task)
{
    turn_forked(&v->turn);
    atomic_store(&v->tasks, 1);
    atomic_store(&v->yield, 0);
    return own(v, task);
}

long vcpu_blocking_call(struct vcpu *v, long number, const long args[6])
{
    struct vcpu_task *task = v->owner;
    if (!task || atomic_load(&v->tasks) < 2)
        return host_call(number, args);
    turn_give(&v->turn);
    long result = host_call(number, args);
    turn_take(&v->turn, kick, v);
    own(v, task);
    return result;
}

/* Once into the engine and out again. */
static int enter_engine(struct vcpu *v, uint64_t *pc)
{
    struct signal_slot *slot = signal_slot();
    memset(&v->exit, 0, sizeof v->exit);
    v->refused = v->leave = false;
    if (api.reg_read(v->uc, v->arch.pc, pc))
        return -EINVAL;
    slot->running = v;
    if (atomic_load(&v->stop) || slot->pending) {
        v->exit.reason = VCPU_EXIT_STOP; /* U10: a stop before the start would be lost */
    } else {
        int error = api.emu_start(v->uc, *pc, 0, 0, 0); /* U8, U12, U13: no end, no timeout, no count */
        classify(v, error);
        api.reg_read(v->uc, v->arch.pc, pc);
    }
    slot->running = NULL;
    return 0;
}

/* The system call that a hook has prepared but must not wait for, since others want the turn. Whether the guest can go on. */
static bool finish_call(struct vcpu *v)
{
    struct vcpu_exit exit = v->exit;
    struct call *call = &v->owner->call;
    int64_t result = vcpu_blocking_call(v, call->number, call->args);
    if (!is_interrupted(result)) {
        uint64_t word = (uint64_t)result;
        api.reg_write(v->uc, v->arch.result, &word);
        return true;
    }
    v->exit = exit;
    v->exit.reason = VCPU_EXIT_SYSCALL;
    v->exit.interrupted = result;
    return false;
}

/* Somebody's slice begins: ours is over. */
static void yield(struct vcpu *v)
{
    struct vcpu_task *task = v->owner;
    atomic_store(&v->yield, 0);
    if (!task || !atomic_load(&v->turn.waiting))
        return;
    turn_give(&v->turn);
    turn_take(&v->turn, kick, v);
    own(v, task);
}

int vcpu_run(struct vcpu *v, struct vcpu_exit *exit)
{
    uint64_t pc = 0;
    for (;;) {
        int error = enter_engine(v, &pc);
        if (error)
            return error;
        if (v->exit.reason == VCPU_EXIT_NONE && v->leave) {
            if (finish_call(v))
                continue;
        } else if (v->exit.reason == VCPU_EXIT_STOP && !atomic_load(&v->stop) && !signal_slot()->pending) {
            yield(v);
            continue;
        }
        break;
    }
    if (v->exit.reason == VCPU_EXIT_STOP)
        atomic_store(&v->stop, 0);
    v->exit.pc = pc;
    *exit = v->exit;
    return 0;
}

int vcpu_stop(struct vcpu *v)
{
    atomic_store(&v->stop, 1);
    return api.emu_stop(v->uc) ? -EIO : 0;
}
