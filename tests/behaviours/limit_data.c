/* RLIMIT_DATA: limits writable private memory and the heap, not shared or read-only memory. */
#include "behaviour.h"

int main(void)
{
    struct rlimit limit;
    NEED(getrlimit(RLIMIT_DATA, &limit) == 0);
    limit.rlim_cur = 32 << 20;
    NEED(setrlimit(RLIMIT_DATA, &limit) == 0);
    const int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
    say("writable: %s", mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, anonymous, -1, 0) == MAP_FAILED ? error_name(errno) : "ok");
    void *readable = mmap(NULL, 64 << 20, PROT_READ, anonymous, -1, 0);
    say("read-only: %s", readable == MAP_FAILED ? error_name(errno) : "ok");
    say("made writable: %s", outcome(mprotect(readable, 64 << 20, PROT_READ | PROT_WRITE)));
    say("shared: %s", mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? error_name(errno) : "ok");
    long brk = syscall(SYS_brk, 0);
    say("brk: %s", syscall(SYS_brk, brk + (64 << 20)) == brk ? "refused" : "ok");
    say("a little: %s", syscall(SYS_brk, brk + 65536) == brk + 65536 ? "ok" : "refused");
    say("8 MiB: %s", mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, anonymous, -1, 0) == MAP_FAILED ? error_name(errno) : "ok");
    return 0;
}
