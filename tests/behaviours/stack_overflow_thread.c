/* A thread's stack runs over into its guard page: SIGSEGV in that thread, on its alternate stack. */
#include "behaviour.h"

static sigjmp_buf back;
static char alternate[65536];
static volatile int on_it;
static volatile pid_t caught_by;

static void handler(int number, siginfo_t *info, void *context)
{
    char here;
    (void)number, (void)info, (void)context;
    on_it = &here >= alternate && &here < alternate + sizeof alternate;
    caught_by = thread_id();
    siglongjmp(back, 1);
}

__attribute__((noinline)) static int recurse(volatile char *above)
{
    volatile char frame[2000];
    frame[0] = above[0];
    return above[0] ? recurse(frame) + frame[1] : 0;
}

static void *run(void *argument)
{
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
    volatile char first[1] = {1};
    NEED(sigaltstack(&stack, NULL) == 0);
    if (!sigsetjmp(back, 1))
        recurse(first);
    say("on it %d, own thread %d", on_it, caught_by == thread_id());
    return argument;
}

int main(void)
{
    pthread_t thread;
    catch_signal(SIGSEGV, handler, SA_ONSTACK);
    NEED(pthread_create(&thread, NULL, run, NULL) == 0);
    pthread_join(thread, NULL);
    return 0;
}
