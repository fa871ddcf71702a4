/* Code in memory that is either writable or executable, by mprotect, 500 times; what is not executable any more faults. */
#include "behaviour.h"
#include "code.h"

static sigjmp_buf back;
static volatile int code_seen;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    code_seen = info->si_code;
    siglongjmp(back, 1);
}

int main(void)
{
    char *code = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(code != MAP_FAILED);
    catch_signal(SIGSEGV, handler, 0);
    long sum = 0;
    for (unsigned i = 0; i < 500; i++) {
        NEED(mprotect(code, 8192, PROT_READ | PROT_WRITE) == 0);
        put_code(code + 64, i);
        NEED(mprotect(code, 8192, PROT_READ | PROT_EXEC) == 0);
        flush_code(code + 64);
        sum += call_code(code + 64);
    }
    say("sum %ld", sum);
    if (!sigsetjmp(back, 1))
        put_code(code + 64, 7);
    say("write: %d", code_seen == SEGV_ACCERR);
    code_seen = 0;
    mprotect(code, 8192, PROT_READ | PROT_WRITE);
    if (!sigsetjmp(back, 1))
        call_code(code + 64);
    say("call: %d", code_seen == SEGV_ACCERR);
    munmap(code, 8192);
    if (!sigsetjmp(back, 1))
        call_code(code + 64);
    say("gone: %d", code_seen == SEGV_MAPERR);
    char *again = mmap(code, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    NEED(again == code);
    put_code(code + 64, 1001);
    flush_code(code + 64);
    say("new memory in its place: %d", call_code(code + 64));
    return 0;
}
