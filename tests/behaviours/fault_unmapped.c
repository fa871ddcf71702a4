/* SIGSEGV of an address without memory: SEGV_MAPERR and the very address, for loads, stores and jumps. */
#include "behaviour.h"
#include "context.h"

static sigjmp_buf back;
static volatile uintptr_t address, pc;
static volatile int code, number;

static void handler(int signal, siginfo_t *info, void *context)
{
    number = signal;
    address = (uintptr_t)info->si_addr;
    code = info->si_code;
    pc = (uintptr_t)CONTEXT_PC((ucontext_t *)context);
    siglongjmp(back, 1);
}

static void report(const char *name, uintptr_t expected)
{
    say("%s: signal %d, %s, exact %d", name, number, code == SEGV_MAPERR ? "MAPERR" : code == SEGV_ACCERR ? "ACCERR" : "other", address == expected);
}

int main(void)
{
    char *page = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(page != MAP_FAILED);
    munmap(page + 4096, 8192);
    catch_signal(SIGSEGV, handler, 0);
    static const int offsets[] = {4096, 4097, 5003, 8191};
    for (int i = 0; i < 4; i++) {
        volatile char *at = page + offsets[i];
        if (!sigsetjmp(back, 1))
            (void)*at;
        report("load", (uintptr_t)at);
        if (!sigsetjmp(back, 1))
            *at = 1;
        report("store", (uintptr_t)at);
    }
    volatile int *null = NULL;
    if (!sigsetjmp(back, 1))
        *null = 1;
    report("null", 0);
    if (!sigsetjmp(back, 1))
        ((volatile int *)null)[5] = 1;
    report("null's member", 20);
    if (!sigsetjmp(back, 1))
        ((void (*)(void))(uintptr_t)(page + 4096 + 64))();
    report("jump", (uintptr_t)(page + 4096 + 64));
    say("pc there too %d", pc == (uintptr_t)(page + 4096 + 64));
    return 0;
}
