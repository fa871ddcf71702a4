/* RLIMIT_NOFILE: no descriptor at or above it; EMFILE; those that are open stay. */
#include "behaviour.h"

int main(void)
{
    struct rlimit limit;
    int fd, last = -1;
    NEED(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    NEED(dup2(1, 60) == 60);
    limit.rlim_cur = 40;
    NEED(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    while ((fd = open("/dev/null", O_RDONLY)) >= 0)
        last = fd;
    say("last %d, then %s", last, error_name(errno));
    say("dup: %s, dup2: %s, fcntl: %s", outcome(dup(1)), outcome(dup2(1, 40)), outcome(fcntl(1, F_DUPFD, 40)));
    int ends[2];
    say("pipe: %s", outcome(pipe(ends)));
    say("60 is open: %s", outcome(fcntl(60, F_GETFD)));
    close(39);
    say("after close: %d", open("/dev/null", O_RDONLY));
    say("sysconf %ld", sysconf(_SC_OPEN_MAX));
    return 0;
}
