/* SIGSEGV of memory that does not allow the access: SEGV_ACCERR and the very address. */
#include "behaviour.h"

static sigjmp_buf back;
static volatile uintptr_t address;
static volatile int code;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    address = (uintptr_t)info->si_addr;
    code = info->si_code;
    siglongjmp(back, 1);
}

static void report(const char *name, const volatile void *expected)
{
    say("%s: %s, exact %d", name, code == SEGV_MAPERR ? "MAPERR" : code == SEGV_ACCERR ? "ACCERR" : "other", address == (uintptr_t)expected);
}

static const volatile int constant = 5;

int main(void)
{
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(page != MAP_FAILED);
    catch_signal(SIGSEGV, handler, 0);
    mprotect(page, 4096, PROT_READ);
    volatile char *at = page + 1234;
    if (!sigsetjmp(back, 1))
        *at = 1;
    report("store to read-only", at);
    volatile long *wide = (volatile long *)(page + 4088);
    if (!sigsetjmp(back, 1))
        *wide = 1;
    report("wide store", wide);
    if (!sigsetjmp(back, 1))
        __atomic_fetch_add((int *)(page + 8), 1, __ATOMIC_SEQ_CST);
    report("atomic", page + 8);
    mprotect(page, 4096, PROT_NONE);
    if (!sigsetjmp(back, 1))
        (void)*at;
    report("load of nothing", at);
    mprotect(page, 4096, PROT_READ | PROT_WRITE);
    if (!sigsetjmp(back, 1))
        ((void (*)(void))(uintptr_t)(page + 16))();
    report("jump to data", page + 16);
    if (!sigsetjmp(back, 1))
        *(volatile int *)(uintptr_t)&constant = 6;
    report("constant", &constant);
    say("%d", constant);
    return 0;
}
