/* siglongjmp out of handlers, 3000 times, from faults and from sent signals: mask and stack are as before. */
#include "behaviour.h"

static sigjmp_buf back;
static volatile int faults, sent;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)info, (void)context;
    *(number == SIGSEGV ? &faults : &sent) += 1;
    siglongjmp(back, 1);
}

int main(void)
{
    sigset_t now;
    volatile char *nowhere = (volatile char *)16;
    catch_signal(SIGSEGV, handler, 0);
    catch_signal(SIGUSR1, handler, 0);
    for (volatile int i = 0; i < 3000; i++)
        if (!sigsetjmp(back, 1)) {
            if (i % 2)
                raise(SIGUSR1);
            else
                *nowhere = 1;
        }
    sigprocmask(SIG_BLOCK, NULL, &now);
    say("faults %d, sent %d, blocked %d %d", faults, sent, sigismember(&now, SIGSEGV), sigismember(&now, SIGUSR1));
    if (!sigsetjmp(back, 0))
        raise(SIGUSR1);
    sigprocmask(SIG_BLOCK, NULL, &now);
    say("without the mask: blocked %d", sigismember(&now, SIGUSR1));
    return 0;
}
