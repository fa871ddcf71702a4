/* See vcpu.h. The numbers U1 to U36 in comments are those of the pitfall list of Unicorn 2.1.4 in ARCHITECTURE.md. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "state.h"

static uint8_t prot_of(const struct vcpu *v, uint64_t address)
{
    return address < v->size ? v->prot[address / VCPU_PAGE] : 0;
}

/* Whether a page of a file mapping is there: beyond the file's end it is not, and touching it would kill the host process by SIGBUS. The host kernel is
 * asked to make it present, or, before Linux 5.14, to read from it. */
bool is_present(const struct vcpu *v, uint64_t page, bool write)
{
    enum { POPULATE_READ = 22, POPULATE_WRITE = 23 };
    uint8_t byte, *host = v->region + page;
    if (!madvise(host, VCPU_PAGE, write ? POPULATE_WRITE : POPULATE_READ))
        return true;
    return errno == EINVAL && !vcpu_copy_in((struct vcpu *)v, page, &byte, 1);
}

/* U1, U2: the engine asks for every page that it has not in its TLB; true permissions make stores run inline. U28: an address of data is what
 * arch.data_address leaves of it (AArch64's top byte is ignored). */
static bool fill(uc_engine *uc, uint64_t address, int type, struct uc_tlb_entry *entry, void *user)
{
    struct vcpu *v = user;
    (void)uc;
    uint8_t needed = type == UC_MEM_WRITE ? VCPU_WRITE : type == UC_MEM_FETCH ? VCPU_EXEC : VCPU_READ;
    uint64_t page = (type == UC_MEM_FETCH ? address : address & v->arch.data_address) & -(uint64_t)VCPU_PAGE;
    if (v->forgetting) {
        entry->paddr = page;
        entry->perms = VCPU_EXEC;
        return true;
    }
    if (v->filling) {
        entry->paddr = 0;
        entry->perms = VCPU_READ;
        return true;
    }
    uint8_t prot = prot_of(v, page);
    bool absent = prot & needed && prot & VCPU_FILE && !is_present(v, page, needed == VCPU_WRITE);
    v->counts.tlb_fills++;
    if (absent || !(prot & needed)) {
        v->refused = true;
        v->exit.address = page;
        v->exit.access = needed | (absent ? VCPU_BUS : 0);
        return false;
    }
    grow_tlb(v);
    entry->paddr = page;
    entry->perms = prot & (VCPU_READ | VCPU_WRITE | VCPU_EXEC);
    if (v->tracking) {
        if (needed == VCPU_WRITE)
            note_write(v, page);
        else
            entry->perms &= ~VCPU_WRITE;
    }
    return true;
}

void leave_with(struct vcpu *v, uint32_t reason, uint64_t number)
{
    v->leave = true;
    v->exit.reason = reason;
    v->exit.number = number;
    want_attention(v);
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
    if (v->owner && v->owner->robust.head)
        note_robust(v, &v->owner->robust);
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

int add_hooks(struct vcpu *v)
{
    uc_hook hook;
    int bad = api.hook_add(v->uc, &hook, UC_HOOK_TLB_FILL, (void *)fill, v, (uint64_t)1, (uint64_t)0)
        || api.hook_add(v->uc, &hook, UC_HOOK_INTR, (void *)on_interrupt, v, (uint64_t)1, (uint64_t)0)
        || api.hook_add(v->uc, &hook, UC_HOOK_INSN_INVALID, (void *)on_invalid, v, (uint64_t)1, (uint64_t)0);
    if (!bad && v->arch.syscall_instruction)
        bad = api.hook_add(v->uc, &hook, UC_HOOK_INSN, (void *)on_syscall_instruction, v, (uint64_t)1, (uint64_t)0, v->arch.syscall_instruction);
    return bad ? -EIO : 0;
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
    v->stopped_at = v->approach = NOWHERE;
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
    free(v->written);
    free(v->breakpoints);
    free(v);
}

int vcpu_quick(const struct vcpu *v)
{
    return v->no_exit_checks && v->fault_address && v->attention.inlined;
}

void *vcpu_region(const struct vcpu *v)
{
    return v->region;
}

/* Drops the translations of [start, end). The engine looks the first page up as for a fetch and, if that is refused, drops nothing and does not say so (U38): be
 * it that the page is no code, or that it is gone already. So nothing is refused meanwhile; who calls this flushes the TLB. */
static int forget_code(struct vcpu *v, uint64_t start, uint64_t end)
{
    if (end - start > (uint64_t)16 << 20)
        return api.ctl(v->uc, UC_CTL_WRITE_0(UC_CTL_TB_FLUSH)) ? -EIO : 0;
    v->forgetting = true;
    int error = start < end ? api.ctl(v->uc, UC_CTL_WRITE_2(UC_CTL_TB_REMOVE_CACHE), start, end) : 0;
    v->forgetting = false;
    return error ? -EIO : 0;
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
    return flush_tlb(v);
}

int vcpu_protection(const struct vcpu *v, uint64_t address)
{
    return prot_of(v, address);
}

int vcpu_invalidate(struct vcpu *v, uint64_t start, uint64_t size)
{
    if (!in_region(v, start, size))
        return -EINVAL;
    int error = forget_code(v, start, start + size);
    return error ? error : flush_tlb(v);
}

static void classify(struct vcpu *v, int error)
{
    if (v->leave)
        return;
    if (error && v->refused) {
        v->exit.reason = VCPU_EXIT_FAULT;
        if (v->fault_address)
            v->exit.address = v->exit.access & VCPU_EXEC ? *v->fault_address : *v->fault_address & v->arch.data_address;
    } else if (!error) {
        v->exit.reason = VCPU_EXIT_STOP; /* ours, or the end of somebody's slice, perhaps one that is over already */
    } else {
        v->exit.reason = error == UC_ERR_INSN_INVALID ? VCPU_EXIT_INVALID : VCPU_EXIT_ERROR;
        v->exit.number = (uint64_t)error;
    }
}

/* A run that ends at once, by a fetch that is refused. */
int probe_fault(struct vcpu *v, uint64_t pc)
{
    v->refused = v->leave = false;
    return start_engine(v, pc) && v->refused ? 0 : -EIO;
}

/* Once into the engine and out again. */
static int enter_engine(struct vcpu *v, uint64_t *pc)
{
    struct signal_slot *slot = signal_slot();
    if ((v->widen && widen_tlb(v)) || begin_stepping(v))
        return -EIO;
    memset(&v->exit, 0, sizeof v->exit);
    v->refused = v->leave = false;
    if (api.reg_read(v->uc, v->arch.pc, pc))
        return -EINVAL;
    atomic_store(&v->attention.wanted, 0);
    slot->running = v;
    atomic_store(&v->running, 1);
    if (atomic_load(&v->stop) || slot->pending) {
        v->exit.reason = VCPU_EXIT_STOP; /* U10: a stop before the start would be lost */
    } else {
        int error = start_engine(v, *pc);
        classify(v, error);
        api.reg_read(v->uc, v->arch.pc, pc);
        /* The engine takes an all-zero instruction of RISC-V for one without length, and where it begins a page looks for its end on the page before. */
        if (v->exit.reason == VCPU_EXIT_FAULT && v->exit.access & VCPU_EXEC && v->exit.address < *pc)
            v->exit.reason = VCPU_EXIT_INVALID;
    }
    atomic_store(&v->running, 0);
    slot->running = NULL;
    end_kicking(slot);
    return 0;
}

/* A block whose translation reaches into a page that may not be executed is refused at its begin, though its first instructions can be. Which one cannot is
 * found by ending runs at any instruction in the last bytes before that page, until one is refused by itself. Whether the run goes on for that. */
static bool narrow(struct vcpu *v, uint64_t pc)
{
    uint64_t before = v->approach, page = v->exit.address;
    if (before != NOWHERE) {
        uint64_t start = before & -(uint64_t)VCPU_PAGE;
        v->approach = NOWHERE;
        set_exits(v, 0, 0);
        vcpu_invalidate(v, start, v->size - start < 2 * VCPU_PAGE ? VCPU_PAGE : 2 * VCPU_PAGE);
    }
    bool wanted = v->exit.reason == VCPU_EXIT_FAULT && v->exit.access & VCPU_EXEC && v->fault_address;
    if (!wanted || page % VCPU_PAGE || pc >= page || page - pc > VCPU_PAGE || pc == before)
        return false;
    v->approach = pc;
    return !set_exits(v, page - pc > VCPU_INSTRUCTION_MAX ? page - VCPU_INSTRUCTION_MAX : pc + 1, page);
}

/* The system call that a hook has prepared but must not wait for, since others want the turn. Whether the guest can go on. */
static bool finish_call(struct vcpu *v)
{
    struct vcpu_exit exit = v->exit;
    struct call *call = &v->owner->call;
    int64_t result = store_passed(v, call, vcpu_blocking_call(v, call->number, call->args));
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

int vcpu_run(struct vcpu *v, struct vcpu_exit *exit)
{
    uint64_t pc = 0;
    for (;;) {
        int error = enter_engine(v, &pc);
        if (error)
            return error;
        if (narrow(v, pc) || serve_trap(v, pc))
            continue;
        if (v->exit.reason == VCPU_EXIT_NONE && v->leave) {
            if (finish_call(v))
                continue;
        } else if (v->exit.reason == VCPU_EXIT_STOP && !atomic_load(&v->stop) && !signal_slot()->pending) {
            yield_turn(v);
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

void request_stop(struct vcpu *v)
{
    atomic_store(&v->stop, 1);
    interrupt_run(v);
}

/* U10: a request that comes while the engine is about to start is lost, so it is repeated until the run has ended. */
int vcpu_stop(struct vcpu *v)
{
    enum { REPEATS = 1000 };
    static const struct timespec pause = {.tv_nsec = 50000};
    request_stop(v);
    for (int i = 0; i < REPEATS && atomic_load(&v->running) && atomic_load(&v->stop); i++) {
        nanosleep(&pause, NULL);
        if (atomic_load(&v->stop) && atomic_load(&v->running))
            request_stop(v);
    }
    return 0;
}
