/* A subreaper gets its grandchildren when their parent ends, and reaps them. */
#include <sys/prctl.h>

#include "behaviour.h"

int main(void)
{
    int value = 0;
    NEED(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    NEED(prctl(PR_GET_CHILD_SUBREAPER, &value) == 0);
    say("subreaper %d", value);
    pid_t self = getpid();
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        for (int i = 1; i <= 3; i++)
            if (!fork()) {
                for (int tries = 0; getppid() != self && tries < 500; tries++)
                    pause_ms(5);
                pause_ms(30 * i);
                _exit(40 + i);
            }
        _exit(40);
    }
    int status;
    pid_t got;
    while ((got = wait(&status)) > 0)
        say("%s %s", got == child ? "child" : "grandchild", status_text(status));
    say("then: %s", error_name(errno));
    return 0;
}
