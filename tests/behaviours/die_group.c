/* kill(0): all of the process group get it, the sender too. */
#include "behaviour.h"

int main(void)
{
    pid_t leader = fork();
    NEED(leader >= 0);
    if (!leader) {
        NEED(setpgid(0, 0) == 0);
        pid_t members[2];
        for (int i = 0; i < 2; i++) {
            members[i] = fork();
            NEED(members[i] >= 0);
            if (!members[i])
                for (;;)
                    pause();
        }
        struct sigaction ignore = {.sa_handler = SIG_IGN};
        sigaction(SIGTERM, &ignore, NULL);
        pause_ms(30);
        NEED(kill(0, SIGTERM) == 0);
        for (int i = 0; i < 2; i++)
            say("member: %s", wait_text(members[i]));
        kill(0, SIGKILL);
        _exit(1);
    }
    say("leader: %s", wait_text(leader));
    say("no such group: %s", outcome(kill(-leader, 0)));
    return 0;
}
