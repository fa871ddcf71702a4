/* wait4, waitid, flock, accept and write to a full pipe interrupted by a handler, without and with SA_RESTART. */
#include <sys/file.h>
#include <sys/socket.h>

#include "behaviour.h"

static volatile int handled, release_at;
static int ends[2], lock_other;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info, (void)context;
    handled++;
    if (release_at && handled == release_at) {
        char drain[4096];
        release_at = 0;
        NEED(read(ends[0], drain, sizeof drain) > 0);
        flock(lock_other, LOCK_UN);
    }
}

static pid_t sleeper(long ms)
{
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        tick(0);
        pause_ms(ms);
        _exit(3);
    }
    return child;
}

static void try(const char *name, int flags)
{
    siginfo_t info;
    int status;
    catch_signal(SIGALRM, handler, flags);
    pid_t child = sleeper(150);
    pid_t got = wait4(child, &status, 0, NULL);
    say("%s: wait4: %s", name, got == child ? "child" : outcome(got));
    if (got != child)
        say("%s", wait_text(child));
    child = sleeper(150);
    int result = waitid(P_PID, (id_t)child, &info, WEXITED);
    say("%s: waitid: %s", name, outcome(result));
    if (result)
        say("%s", wait_text(child));
    handled = 0;
    release_at = flags ? 4 : 0;
    char block[4096] = "";
    say("%s: write: %s", name, outcome(write(ends[1], block, 4096)));
    int mine = open("lock", O_RDWR);
    lock_other = open("lock", O_RDWR);
    flock(lock_other, LOCK_EX);
    handled = 0;
    release_at = flags ? 4 : 0;
    say("%s: flock: %s", name, outcome(flock(mine, LOCK_EX)));
    close(mine);
    close(lock_other);
}

int main(void)
{
    char block[4096] = "";
    NEED(pipe(ends) == 0);
    NEED(close(open("lock", O_RDWR | O_CREAT, 0600)) == 0);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    while (write(ends[1], block, sizeof block) > 0)
        ;
    fcntl(ends[1], F_SETFL, 0);
    tick(20);
    try("without", 0);
    try("with", SA_RESTART);
    tick(0);
    return 0;
}
