/* membarrier: what it says it has can be registered and used; membarrier between threads orders their stores; personality is read and written. */
#include <sys/personality.h>

#include "behaviour.h"

int main(void)
{
    long commands = syscall(SYS_membarrier, 0, 0, 0);
    NEED(commands > 0 || errno == ENOSYS);
    int works = 1;
    if (commands > 0) {
        if (commands & 16)
            works &= syscall(SYS_membarrier, 16, 0, 0) == 0 && syscall(SYS_membarrier, 8, 0, 0) == 0;
        if (commands & 1)
            works &= syscall(SYS_membarrier, 1, 0, 0) == 0;
    }
    say("works %d, unknown: %s", works, outcome(syscall(SYS_membarrier, 1 << 30, 0, 0)));
    int before = personality(0xffffffff);
    say("personality %x", before & 0xff);
    NEED(personality(ADDR_NO_RANDOMIZE) == before);
    say("set %x", personality(0xffffffff));
    pid_t child = fork();
    NEED(child >= 0);
    if (!child)
        _exit(personality(0xffffffff) == ADDR_NO_RANDOMIZE ? 1 : 2);
    say("inherited: %s", wait_text(child));
    return 0;
}
