/* sigsetjmp and siglongjmp out of a signal handler, which restores the mask. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>

static sigjmp_buf back;
static void handler(int number) { siglongjmp(back, number); }

int main(void)
{
    signal(SIGSEGV, handler);
    for (volatile int i = 0; i < 3; i++) {
        int number = sigsetjmp(back, 1);
        if (!number)
            *(volatile int *)0 = 1;
        printf("caught %d\n", number);
    }
    return 0;
}
