/* Signals of the host process that are meant for the guest. One slot for each host thread: a signal that the guest catches is put
 * there by the host's handler, with all further ones blocked until the caller has taken it, so that the host kernel does all the queuing.
 *
 * A system call made by host_call() is not begun, or gives HOST_RESTART, if a signal is in the slot already: however close to its
 * begin the signal comes (arch/<name>/host_call.S). */
#ifndef MINILOAD_HOSTSIG_H
#define MINILOAD_HOSTSIG_H

#include <stdint.h>

#define VCPU_API __attribute__((visibility("default")))

enum { HOST_RESTART = -512 }; /* ERESTARTSYS: never a result of a system call */
enum signal_mode { SIGNAL_DEFAULT = 0, SIGNAL_IGNORE = 1, SIGNAL_CATCH = 2 };

struct vcpu;

struct signal_slot {
    volatile int32_t pending; /* number of the signal, 0 if there is none */
    uint64_t mask;            /* what was blocked when it came */
    uint8_t info[128];        /* its siginfo */
    struct vcpu *volatile running;
    volatile int32_t kicker; /* not 0 while kick_again() runs */
};

/* This thread's slot, which lives as long as the thread. */
VCPU_API struct signal_slot *signal_slot(void);
/* Until nobody asks the engine to stop any more on this thread's behalf. */
void end_kicking(const struct signal_slot *slot);
/* The code between `begin` and `end` is the engine's or the core's own. */
void signal_text(uintptr_t begin, uintptr_t end);
/* What the host does with a signal. 0 or -errno. */
VCPU_API int signal_action(int number, int mode, int child_flags);
/* sigprocmask for this thread: the mask before. With a signal in the slot the host blocks all, and it is the slot's mask that is asked for and changed. */
VCPU_API uint64_t signal_mask(int how, uint64_t mask);
/* The system call, -errno included, or HOST_RESTART. */
VCPU_API long host_call(long number, const long args[6]);

#endif
