/* RLIMIT_AS: no more memory than that, by mmap, malloc and brk; what was there stays; a child inherits it. */
#include "behaviour.h"

int main(void)
{
    struct rlimit limit, old;
    NEED(getrlimit(RLIMIT_AS, &old) == 0);
    limit = old;
    limit.rlim_cur = 256 << 20;
    NEED(setrlimit(RLIMIT_AS, &limit) == 0);
    NEED(getrlimit(RLIMIT_AS, &limit) == 0);
    say("limit %ld MiB", (long)(limit.rlim_cur >> 20));
    void *big = mmap(NULL, 300 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    say("300 MiB: %s", big == MAP_FAILED ? error_name(errno) : "ok");
    void *none = mmap(NULL, 300 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    say("without access: %s", none == MAP_FAILED ? error_name(errno) : "ok");
    int count = 0;
    while (count < 100 && mmap(NULL, 16 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
        count++;
    say("16 MiB each: %d, then %s", count >= 12 && count < 16, error_name(errno));
    say("malloc: %s", malloc(64 << 20) ? "ok" : error_name(errno));
    long brk = syscall(SYS_brk, 0);
    say("brk: %s", syscall(SYS_brk, brk + (64 << 20)) == brk ? "refused" : "ok");
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        NEED(getrlimit(RLIMIT_AS, &limit) == 0);
        _exit(limit.rlim_cur == 256 << 20 ? 1 : 2);
    }
    say("%s", wait_text(child));
    limit.rlim_cur = old.rlim_max;
    NEED(setrlimit(RLIMIT_AS, &limit) == 0);
    say("lifted: %s", mmap(NULL, 300 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? "refused" : "ok");
    limit.rlim_cur = 2;
    limit.rlim_max = 1;
    say("soft over hard: %s", outcome(setrlimit(RLIMIT_AS, &limit)));
    return 0;
}
