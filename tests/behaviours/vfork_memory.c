/* vfork: the parent waits until the child ends, and sees what it wrote. */
#include "behaviour.h"

static volatile int written;
static volatile char big[50000];

int main(void)
{
    volatile int local = 0;
    for (int i = 0; i < 3; i++) {
        pid_t child = vfork();
        NEED(child >= 0);
        if (!child) {
            written = 100 + i;
            local = 200 + i;
            for (int j = 0; j < 50000; j += 1000)
                big[j] = (char)(i + 1);
            struct timespec time = {0, 30000000};
            nanosleep(&time, NULL);
            written += 1000;
            _exit(9 + i);
        }
        say("seen %d %d %d %d", written, local, big[0], big[49000]);
        say("%s", wait_text(child));
    }
    return 0;
}
