/* The system call exit ends one thread only, also the first; the last one's status is the process's. */
#include "behaviour.h"

static void *run(void *argument)
{
    (void)argument;
    pause_ms(50);
    say("second goes on");
    syscall(SYS_exit, 9);
    return NULL;
}

int main(void)
{
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        pthread_t thread;
        NEED(pthread_create(&thread, NULL, run, NULL) == 0);
        syscall(SYS_exit, 9);
    }
    say("child: %s", wait_text(child));
    return 0;
}
