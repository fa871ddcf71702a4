/* What the core's parts share and its callers do not see. */
#ifndef MINILOAD_VCPU_STATE_H
#define MINILOAD_VCPU_STATE_H

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/uio.h>

#include "hostsig.h"
#include "turn.h"
#include "unicorn_abi.h"
#include "vcpu.h"

enum { TCG_BUFFER_SIZE = (256 << 20) + 0x5000, VCPU_INSTRUCTION_MAX = 15 };

/* A system call on its way to the host. */
struct call {
    long number, args[VCPU_ARGS];
    union {
        struct iovec iovec[VCPU_IOVEC_MAX];
        struct epoll_event event[VCPU_IOVEC_MAX];
    };
    uint64_t events;     /* where the guest wants what the host stores in `event` */
    uint16_t event_size; /* 0 if the host does not */
};

/* See robust.c. `head`: address of the guest's list, 0 if it has none. `shown`: the host's. */
struct robust {
    uint64_t head;
    struct robust_list_head shown;
    uint8_t *range;
};

struct vcpu_task {
    void *context; /* registers, while another task owns the engine */
    uint64_t stopped_at;
    struct robust robust;
    struct call call;
};

/* See track.c. */
struct written {
    uint64_t page;
    uint8_t before[VCPU_PAGE];
};

/* See spin.c. `skip`: waits that are not looked after; only about right, since threads change it as they like. */
struct spin {
    atomic_int busy, skip;
    int failures;
};

/* See atomic.c. */
struct atomics {
    bool wanted, applied, mended;
};

/* Functions of the engine's with which its translator makes intermediate code. */
struct emitter {
    void *(*label)(void *record);
    uintptr_t (*constant)(void *record, int64_t value);
    uintptr_t (*constant_short)(void *record, int32_t value);
    void *(*temporary)(void *record, int type, bool local);
    void (*release)(void *record, void *temporary);
    void (*op_1)(void *record, int op, uintptr_t a);
    void (*op_3)(void *record, int op, uintptr_t a, uintptr_t b, uintptr_t c);
    void (*branch)(void *record, int condition, uintptr_t value, int32_t limit, void *label);
};

/* See led.c: those of its functions that are led through the core. */
struct translator {
    void (*begin)(void *record);
    void (*translate)(void *cpu, void *block, int most);
    void (*call)(void *record, void *function, void *result, int count, void **args);
};

/* See attention.c. `wanted`: the engine is asked to stop; generated code looks at it. */
struct attention {
    atomic_int wanted;
    bool inlined;
    void *check; /* the engine's own way to look */
    struct emitter emit;
};

struct vcpu {
    uc_engine *uc;
    uint8_t *no_exit_checks;       /* places in the engine's private record (engine.c), NULL where they were not found */
    const uint64_t *fault_address;
    struct vcpu_arch arch;
    uint8_t *region;
    uint64_t size;
    uint8_t *prot; /* one byte for each page of the region */
    struct vcpu_syscall *table;
    uint32_t table_count;
    struct call call; /* the system call that is being made */
    struct turn turn;
    struct spin spin;
    struct vcpu_task *owner; /* whose registers the engine has */
    atomic_int tasks, yield;
    int32_t fd_low, fd_high; /* descriptors that are not the guest's */
    uint64_t misses, miss_limit, widened_at;
    bool filling, wide, widen; /* see tlb.c */
    bool forgetting;           /* see forget_code() */
    struct atomics atomics;
    struct attention attention;
    uint8_t *record; /* the translator's (struct TCGContext) */
    bool at_start;   /* nothing of a block has been translated yet */
    bool tracking;      /* see track.c */
    struct written *written;
    uint32_t written_count, written_room;
    atomic_int stop, running;
    atomic_int stepping; /* a hook before every instruction looks at the requests to stop */
    bool refused;        /* the fill hook has refused the access in exit */
    bool leave;          /* a hook has filled exit in and stopped the engine */
    struct vcpu_exit exit;
    struct vcpu_counts counts;
    uc_hook count_hook, step_hook;
    bool counting;
    uint64_t budget; /* instructions left, if limited */
    bool limited;
    uint64_t *breakpoints; /* addresses, ascending */
    uint32_t breakpoint_count;
    uint64_t approach;   /* where the search of narrow() has come to, or NOWHERE */
    uint64_t stopped_at; /* the breakpoint that ended the last run, which the next does not stop at; NOWHERE if it was something else */
};

#define NOWHERE (~(uint64_t)0)

extern struct unicorn_api api;

/* led.c */
int start_engine(struct vcpu *v, uint64_t pc);
void *own_function(const struct vcpu *v, const char *name);
int lead_translation(const struct vcpu *v);
int lead_calls(const struct vcpu *v);
/* atomic.c */
void translate_shared(struct vcpu *v, const struct translator *own, void *cpu, void *block, int most);
/* attention.c */
void inline_checks(struct vcpu *v);
bool emit_attention(struct vcpu *v, const struct translator *own, void *record, const void *function);
void want_attention(struct vcpu *v);
void interrupt_run(struct vcpu *v);
/* mend.c */
int mend_engine(const struct vcpu *v);
/* engine.c */
int open_engine(struct vcpu *v);
int check_exits(struct vcpu *v, bool on);
int set_exits(struct vcpu *v, uint64_t first, uint64_t end);
/* passing.c */
enum passed { NOT_PASSED, PASSED, WAITS };
enum passed pass_through(struct vcpu *v, uint64_t number, const uint64_t *args, int64_t *result);
/* robust.c */
void note_robust(struct vcpu *v, struct robust *robust);
void forget_robust(struct robust *robust);
int64_t store_passed(struct vcpu *v, const struct call *call, int64_t result);
/* transfer.c */
bool reachable(struct vcpu *v, uint64_t address, uint64_t size, uint8_t needed);
/* step.c */
int begin_stepping(struct vcpu *v);
/* tlb.c */
int flush_tlb(struct vcpu *v);
void grow_tlb(struct vcpu *v);
int widen_tlb(struct vcpu *v);
/* trap.c */
bool serve_trap(struct vcpu *v, uint64_t pc);
/* spin.c */
bool spin(struct vcpu *v, long number, const long args[6]);
/* track.c */
void note_write(struct vcpu *v, uint64_t page);
/* task.c */
void yield_turn(struct vcpu *v);
/* vcpu.c */
int add_hooks(struct vcpu *v);
bool is_present(const struct vcpu *v, uint64_t page, bool write);
int probe_fault(struct vcpu *v, uint64_t pc);
void request_stop(struct vcpu *v);
void leave_with(struct vcpu *v, uint32_t reason, uint64_t number);

static inline bool in_region(const struct vcpu *v, uint64_t start, uint64_t size)
{
    return size <= v->size && start <= v->size - size;
}

#endif
