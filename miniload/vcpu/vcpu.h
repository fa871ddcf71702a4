/* The vCPU core: a KVM-like face on libunicorn. `vcpu_run` executes guest code until something needs its caller and says what.
 *
 * No callback into the caller ever happens while guest code runs. The guest's address space is one host region: guest address
 * A is host address region + A, mapped and protected by the caller with plain mmap/mprotect; the core keeps one byte of
 * protection for every guest page, which is what the guest's accesses are checked against.
 *
 * Every function returns 0 or a negative errno unless it says otherwise. One thread at a time may use a vcpu, but for
 * vcpu_stop, which any thread may call. miniload/vcpu/core.py is the ctypes side of this header; tests hold the two together.
 */
#ifndef MINILOAD_VCPU_H
#define MINILOAD_VCPU_H

#include <stddef.h>
#include <stdint.h>

#define VCPU_API __attribute__((visibility("default")))

enum { VCPU_PAGE = 4096, VCPU_ARGS = 6, VCPU_REGISTERS_MAX = 128, VCPU_BREAKPOINTS_MAX = 4096 };
/* VCPU_FILE: the page is a file's, which may be shorter than its mapping. VCPU_BUS: in an exit's access, the page was not there, though it may be accessed. */
enum vcpu_prot { VCPU_READ = 1, VCPU_WRITE = 2, VCPU_EXEC = 4, VCPU_FILE = 8, VCPU_BUS = 16 };

enum vcpu_reason {
    VCPU_EXIT_NONE = 0,
    VCPU_EXIT_SYSCALL = 1,   /* number and args are filled in; pc is behind the instruction */
    VCPU_EXIT_FAULT = 2,     /* an access to `address` of kind `access` was refused */
    VCPU_EXIT_INTERRUPT = 3, /* exception `number` of the architecture (undefined instruction, breakpoint, ...) */
    VCPU_EXIT_INVALID = 4,   /* an instruction that the translator does not know */
    VCPU_EXIT_STOP = 5,      /* vcpu_stop was called */
    VCPU_EXIT_ERROR = 6,     /* the engine failed: `number` is its error code */
    VCPU_EXIT_BUDGET = 7,    /* as many instructions as were given have been executed */
    VCPU_EXIT_BREAKPOINT = 8, /* the instruction at pc, where a breakpoint is, comes next; the next run goes over it */
};

/* An instruction of 4 bytes that traps and that the core executes: all of it but the number of its register, in the lowest bits. */
enum { VCPU_TRAPS_MAX = 8, VCPU_TRAP_REGISTER = 31 };
enum vcpu_trap_action {
    VCPU_TRAP_NONE = 0,
    VCPU_TRAP_SKIP = 1,       /* there is nothing to do */
    VCPU_TRAP_INVALIDATE = 2, /* translations are forgotten of the `value` bytes, a power of two, that the register's address is in */
    VCPU_TRAP_GIVE = 3,       /* the register gets `value` */
};
struct vcpu_trap {
    uint32_t instruction, action, value;
};

/* What the core has to know of an architecture; values in Unicorn's own numbering (arch/<name>/vcpu.py). */
struct vcpu_arch {
    int32_t uc_arch, uc_mode, cpu_model;
    uint32_t page_size;        /* to be set by uc_ctl, 0 to leave it */
    int32_t pc, result, number;
    int32_t args[VCPU_ARGS];
    uint32_t syscall_interrupt; /* number of the exception that a system call instruction raises */
    int32_t syscall_instruction; /* or, if not 0, the instruction itself, which is hooked; it leaves its own address and flags in these: */
    int32_t syscall_size, return_address, saved_flags, flags;
    char engine_suffix[16];  /* what the engine's own functions for this architecture end with */
    uint32_t trap_interrupt; /* number of the exception that these raise: */
    struct vcpu_trap traps[VCPU_TRAPS_MAX];
    int32_t general[VCPU_TRAP_REGISTER + 1]; /* registers by their numbers in instructions; negative: always zero */
    uint64_t data_address; /* the bits of an address that count in an access to data */
};

/* How the C side makes a system call itself. kinds[i] of an argument: */
enum vcpu_argument {
    VCPU_ARG_NONE = 0,
    VCPU_ARG_VALUE = 1,  /* passed on */
    VCPU_ARG_FD = 2,     /* 32-bit signed, passed on; reserved descriptors give EBADF */
    VCPU_ARG_POINTER = 3, /* to sizes[i] bytes; NULL is passed on */
    VCPU_ARG_BUFFER = 4, /* to args[sizes[i]] bytes */
    VCPU_ARG_STRING = 5, /* NUL-terminated, bounded by the region */
    VCPU_ARG_INT = 6,    /* 32-bit signed, passed on */
    VCPU_ARG_ARRAY = 7,  /* to args[sizes[i] & 255] elements of sizes[i] >> 8 bytes */
    VCPU_ARG_IOVEC = 8,  /* struct iovec, args[sizes[i]] of them: at most one such argument */
    /* futex(2): a pointer to at most 16 bytes if bit args[1] & 127 of sizes[i] is set, else a value. The first such argument is a time limit: only
     * commands that have one wait. */
    VCPU_ARG_FUTEX = 9,
    /* struct epoll_event in the guest's layout, which its size tells; not beside an IOVEC, and at most one of these: */
    VCPU_ARG_EVENT = 10, /* sizes[i] bytes that are read */
    VCPU_ARG_EVENTS = 11, /* args[sizes[i] & 255] of sizes[i] >> 8 bytes that are written */
};
enum { VCPU_EVENT_PACKED = 12, VCPU_EVENT_PADDED = 16 };
enum { VCPU_BLOCKS = 1, VCPU_SYSCALLS_MAX = 4096, VCPU_IOVEC_MAX = 1024 };
struct vcpu_syscall {
    int32_t host_number; /* -1: leave to the caller */
    uint32_t flags;      /* VCPU_BLOCKS: it may wait */
    uint8_t kinds[VCPU_ARGS];
    uint16_t sizes[VCPU_ARGS];
};

struct vcpu_exit {
    uint32_t reason, access;
    uint64_t pc, address, number;
    uint64_t args[VCPU_ARGS];
    int64_t interrupted; /* of a system call that a signal cut short: -EINTR, or HOST_RESTART if it had not begun; else 0 */
};

struct vcpu_counts {
    uint64_t blocks, syscalls_passed, tlb_fills, instructions; /* blocks: while vcpu_count is on; instructions: while there are breakpoints or a budget */
};

/* A call of a guest's function. Values of registers are two words each. */
struct vcpu_call {
    const int32_t *ids, *result_ids; /* of registers to set, program counter and stack pointer among them, and of those that are read when it has returned */
    const uint64_t *values;
    const void *stack;               /* bytes to be stored first, at stack_address */
    uint64_t stack_address, stack_size;
    uint64_t trap;                   /* where it returns to: an address that nothing may be fetched from */
    uint32_t count, result_count;
};

struct vcpu;
struct vcpu_task;
struct vcpu_early;

VCPU_API int vcpu_open_library(const char *path);
VCPU_API int vcpu_create(const struct vcpu_arch *arch, uint64_t size, struct vcpu **out);
/* Both of them, in a thread of their own: with the first of `sizes` for which there is memory. `copy`: of the library, which is taken if it can be, or "". To be finished by whoever has begun, once; `no_library`: the error
 * is vcpu_open_library's. */
enum { VCPU_SIZES_MAX = 8 };
VCPU_API int vcpu_begin(const char *path, const char *copy, const struct vcpu_arch *arch, const uint64_t *sizes, uint32_t count, struct vcpu_early **out);
VCPU_API int vcpu_finish(struct vcpu_early *early, struct vcpu **vcpu, uint64_t *size, int *no_library);
VCPU_API void vcpu_destroy(struct vcpu *vcpu);
VCPU_API int vcpu_quick(const struct vcpu *vcpu); /* whether everything of the engine's was found that makes it quick and faults exact */
VCPU_API int vcpu_share_memory(struct vcpu *vcpu, int on); /* whether atomic instructions have to be atomic to other processes */
VCPU_API int vcpu_shares_memory(const struct vcpu *vcpu);
VCPU_API int vcpu_track(struct vcpu *vcpu, int on);
VCPU_API int64_t vcpu_changes(struct vcpu *vcpu, uint8_t *to, uint64_t room);
VCPU_API int vcpu_apply_changes(struct vcpu *vcpu, const uint8_t *changes, uint64_t size);
VCPU_API void *vcpu_region(const struct vcpu *vcpu);
VCPU_API int vcpu_protect(struct vcpu *vcpu, uint64_t start, uint64_t size, uint8_t prot);
VCPU_API int vcpu_protection(const struct vcpu *vcpu, uint64_t address);
VCPU_API int vcpu_invalidate(struct vcpu *vcpu, uint64_t start, uint64_t size);
VCPU_API int vcpu_flush(struct vcpu *vcpu);
VCPU_API int vcpu_read_registers(struct vcpu *vcpu, const int32_t *ids, uint64_t *values, uint32_t count);
VCPU_API int vcpu_write_registers(struct vcpu *vcpu, const int32_t *ids, const uint64_t *values, uint32_t count);
VCPU_API int vcpu_read_wide_registers(struct vcpu *vcpu, const int32_t *ids, uint64_t *values, uint32_t count);
VCPU_API int vcpu_write_wide_registers(struct vcpu *vcpu, const int32_t *ids, const uint64_t *values, uint32_t count);
VCPU_API int vcpu_read_register_bytes(struct vcpu *vcpu, int32_t id, void *value);
VCPU_API int vcpu_write_register_bytes(struct vcpu *vcpu, int32_t id, const void *value);
VCPU_API int vcpu_save(struct vcpu *vcpu, void **context);
VCPU_API int vcpu_restore(struct vcpu *vcpu, void *context);
VCPU_API void vcpu_free_context(void *context);
VCPU_API int vcpu_copy_in(struct vcpu *vcpu, uint64_t address, void *to, uint64_t size);
VCPU_API int vcpu_copy_out(struct vcpu *vcpu, uint64_t address, const void *from, uint64_t size);
VCPU_API int64_t vcpu_read_string(struct vcpu *vcpu, uint64_t address, char *to, uint64_t limit);
VCPU_API int vcpu_set_syscall(struct vcpu *vcpu, uint32_t number, const struct vcpu_syscall *row);
VCPU_API int vcpu_set_syscalls(struct vcpu *vcpu, const struct vcpu_syscall *table, uint32_t count);
VCPU_API int vcpu_reserve_fds(struct vcpu *vcpu, int32_t low, int32_t high);
VCPU_API int vcpu_count(struct vcpu *vcpu, int on);
VCPU_API int vcpu_add_breakpoint(struct vcpu *vcpu, uint64_t address);
VCPU_API int vcpu_remove_breakpoint(struct vcpu *vcpu, uint64_t address);
VCPU_API int vcpu_set_budget(struct vcpu *vcpu, int limited, uint64_t instructions); /* of the runs from now on */
VCPU_API int vcpu_counts(const struct vcpu *vcpu, struct vcpu_counts *counts);
/* Threads: every host thread that runs guest code has a task, and the vCPU's turn while it does. A vcpu that is used by one thread needs none. */
VCPU_API int vcpu_task_create(struct vcpu *vcpu, struct vcpu_task **out); /* with the present registers */
VCPU_API void vcpu_task_destroy(struct vcpu *vcpu, struct vcpu_task *task);
VCPU_API int vcpu_take_turn(struct vcpu *vcpu, struct vcpu_task *task);   /* waits; then the registers are the task's */
VCPU_API int vcpu_give_turn(struct vcpu *vcpu, struct vcpu_task *task);
VCPU_API int vcpu_forked(struct vcpu *vcpu, struct vcpu_task *task);      /* in a child: this task, which had the turn, is the only one */
VCPU_API int vcpu_robust_list(struct vcpu *vcpu, uint64_t head);          /* set_robust_list of the calling thread, which has the turn */
VCPU_API int vcpu_mark_dead(struct vcpu *vcpu, uint64_t address, uint32_t owner); /* the word of a robust mutex; 1 if somebody waits for it */
/* A system call of the host, without the turn meanwhile. */
VCPU_API long vcpu_blocking_call(struct vcpu *vcpu, long number, const long args[6]);
VCPU_API int vcpu_run(struct vcpu *vcpu, struct vcpu_exit *exit);
/* 1: it has returned, and `results` are filled in, two words each. 0: something else needs the caller, as after vcpu_run. */
VCPU_API int vcpu_call(struct vcpu *vcpu, const struct vcpu_call *call, uint64_t *results, struct vcpu_exit *exit);
VCPU_API int vcpu_stop(struct vcpu *vcpu);

#endif
