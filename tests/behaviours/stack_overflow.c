/* Endless recursion: SIGSEGV on the alternate stack, with an address below the stack; the program goes on. Without one, it dies. */
#include "behaviour.h"
#include "context.h"

static sigjmp_buf back;
static char alternate[65536];
static volatile int on_it, near;

static void handler(int number, siginfo_t *info, void *context)
{
    char here;
    (void)number;
    on_it = &here >= alternate && &here < alternate + sizeof alternate;
    intptr_t distance = (intptr_t)info->si_addr - (intptr_t)CONTEXT_SP((ucontext_t *)context);
    near = distance > -65536 && distance < 65536;
    siglongjmp(back, 1);
}

__attribute__((noinline)) static int recurse(volatile char *above)
{
    volatile char frame[2000];
    frame[0] = above[0];
    return above[0] ? recurse(frame) + frame[1] : 0;
}

int main(void)
{
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate}, off = {.ss_flags = SS_DISABLE};
    volatile char first[1] = {1};
    struct rlimit limit = {1 << 20, RLIM_INFINITY};
    getrlimit(RLIMIT_STACK, &limit);
    limit.rlim_cur = 1 << 20;
    setrlimit(RLIMIT_STACK, &limit);
    NEED(sigaltstack(&stack, NULL) == 0);
    catch_signal(SIGSEGV, handler, SA_ONSTACK);
    for (volatile int i = 0; i < 3; i++) {
        if (!sigsetjmp(back, 1))
            recurse(first);
        say("on the alternate stack %d, near the stack pointer %d", on_it, near);
    }
    NEED(sigaltstack(&off, NULL) == 0);
    recurse(first);
    return 0;
}
