#define _GNU_SOURCE
#include "hostsig.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "host_arch.h"
#include "state.h"

/* The kernel's own struct sigaction: libc's sigaction() keeps signals 32 and 33 to itself, which are the guest's here. */
struct kernel_action {
    uintptr_t handler;
    unsigned long flags;
#ifdef HOST_HAS_RESTORER
    void (*restorer)(void);
#endif
    uint64_t mask;
};

enum { NO_CHILD_STOP = 1, NO_CHILD_WAIT = 2, RESTORER = 0x04000000 };

extern const char host_call_start[], host_call_end[], host_call_abandon[];
extern long host_call_raw(volatile int32_t *pending, long number, const long args[6]);
#ifdef HOST_HAS_RESTORER
extern void host_signal_return(void);
#endif

static _Thread_local struct signal_slot slot;

struct signal_slot *signal_slot(void)
{
    return &slot;
}

long host_call(long number, const long args[6])
{
    return host_call_raw(&slot.pending, number, args);
}

static int set_action(int number, uintptr_t handler, unsigned long flags, uint64_t mask)
{
    struct kernel_action action = {.handler = handler, .flags = flags, .mask = mask};
#ifdef HOST_HAS_RESTORER
    action.flags |= RESTORER;
    action.restorer = host_signal_return;
#endif
    return syscall(SYS_rt_sigaction, number, &action, NULL, sizeof action.mask) ? -errno : 0;
}

/* A fault of the emulator itself must not look like one of the guest's. */
static int is_own_fault(int number, const siginfo_t *info)
{
    return info->si_code > 0 && info->si_code != SI_KERNEL
        && (number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE || number == SIGTRAP);
}

enum { TEXTS_GROW = 64, KICKER_STACK = 16384 };
static struct text {
    uintptr_t begin, end;
} *texts;
static int text_count;

int signal_text(uintptr_t begin, uintptr_t end)
{
    if (text_count % TEXTS_GROW == 0) {
        struct text *grown = realloc(texts, ((size_t)text_count + TEXTS_GROW) * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        texts = grown;
    }
    texts[text_count++] = (struct text){begin, end};
    return 0;
}

/* A thread of its own, that shares even the thread-local storage of the interrupted one and so must not touch it. */
static int kick_again(void *user)
{
    static const struct timespec pause = {.tv_nsec = 50000};
    struct signal_slot *interrupted = user;
    for (;;) {
        nanosleep(&pause, NULL);
        struct vcpu *v = interrupted->running;
        if (!v || !interrupted->pending)
            return 0;
        request_stop(v);
    }
}

/* U10: a request to stop that comes while the engine is about to start is lost, and the guest may never look up again. In code that the engine
 * has generated it is not; but if a signal has interrupted the code of a loaded object (the engine, the core, or what they call: libc, ld.so, the vDSO),
 * then the request is repeated. */
static void make_sure(uintptr_t pc)
{
    static _Thread_local _Alignas(16) uint8_t stack[KICKER_STACK];
    const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID;
    for (int i = 0; i < text_count; i++)
        if (pc >= texts[i].begin && pc < texts[i].end && !slot.kicker) {
            slot.kicker = 1;
            if (clone(kick_again, stack + sizeof stack, flags, &slot, NULL, NULL, (void *)&slot.kicker) < 0)
                slot.kicker = 0;
        }
}

void end_kicking(const struct signal_slot *mine)
{
    while (mine->kicker)
        sched_yield();
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    ucontext_t *interrupted = context;
    int saved = errno;
    if (is_own_fault(number, info)) {
        set_action(number, (uintptr_t)SIG_DFL, 0, 0);
        return;
    }
    memcpy((void *)slot.info, info, sizeof slot.info);
    memcpy((void *)&slot.mask, &interrupted->uc_sigmask, sizeof slot.mask);
    slot.pending = number;
    memset(&interrupted->uc_sigmask, 0xff, sizeof slot.mask);
    uintptr_t pc = (uintptr_t)HOST_PC(interrupted);
    if (pc >= (uintptr_t)host_call_start && pc < (uintptr_t)host_call_end)
        HOST_PC(interrupted) = (HOST_WORD)(uintptr_t)host_call_abandon;
    if (slot.running) {
        request_stop(slot.running);
        /* In a call of the host the engine is running already, and a request to stop is not lost. */
        if (pc < (uintptr_t)host_call_start || pc > (uintptr_t)host_call_end)
            make_sure(pc);
    }
    errno = saved;
}

int signal_action(int number, int mode, int child_flags)
{
    if (number < 1 || number > 64)
        return -EINVAL;
    uintptr_t handler = mode == SIGNAL_CATCH ? (uintptr_t)on_signal : mode == SIGNAL_IGNORE ? (uintptr_t)SIG_IGN : (uintptr_t)SIG_DFL;
    unsigned long flags = SA_SIGINFO | (child_flags & NO_CHILD_STOP ? SA_NOCLDSTOP : 0) | (child_flags & NO_CHILD_WAIT ? SA_NOCLDWAIT : 0);
    return set_action(number, handler, flags, ~(uint64_t)0);
}

static uint64_t replace_mask(uint64_t mask)
{
    uint64_t before = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, &before, sizeof mask);
    return before;
}

uint64_t signal_mask(int how, uint64_t mask)
{
    uint64_t before = replace_mask(~(uint64_t)0); /* nothing comes into the slot from here on */
    if (slot.pending)
        before = slot.mask;
    uint64_t after = how == SIG_BLOCK ? before | mask : how == SIG_UNBLOCK ? before & ~mask : mask;
    if (slot.pending)
        slot.mask = after;
    else
        replace_mask(after);
    return before;
}
