/* mlock(2), munlock(2), mlock2(2), mlockall(2), as a user that may not lock without limit. */
#include "mm_common.h"

int main(void)
{
    begin();
    do_mmap(window, 8 * P, RW, ANON | MAP_FIXED, -1, 0);
    struct rlimit limit = { 6 * P, 6 * P };
    if (getuid() == 0 && (setrlimit(RLIMIT_MEMLOCK, &limit) || syscall(SYS_setresgid, 65534, 65534, 65534) || syscall(SYS_setresuid, 65534, 65534, 65534)))
        return 1;
    say("lock", syscall(SYS_mlock, window, 2 * P));
    say("part of a page", syscall(SYS_mlock, window + 1, 1ul));
    say("no length", syscall(SYS_mlock, window + 100 * P, 0ul));
    say("hole", syscall(SYS_mlock, window + 7 * P, 2 * P));
    say("nothing there", syscall(SYS_mlock, window + 100 * P, P));
    say("end that wraps", syscall(SYS_mlock, window, -window - P));
    say("over the limit", syscall(SYS_mlock, window, 7 * P));
    say("on fault", syscall(SYS_mlock2, window + 3 * P, P, 1));
    say("unknown flag", syscall(SYS_mlock2, window + 3 * P, P, 2));
    say("not needed", do_madvise(window, P, MADV_DONTNEED));
    say("free", do_madvise(window, P, MADV_FREE));
    say("invalidate", syscall(SYS_msync, window, P, MS_INVALIDATE));
    say("mapped locked", do_mmap(window + 16 * P, 4 * P, RW, ANON | MAP_FIXED | MAP_LOCKED, -1, 0));
    say("mapped locked", do_mmap(window + 16 * P, P, RW, ANON | MAP_FIXED | MAP_LOCKED, -1, 0));
    say("longer", do_mremap(window + 16 * P, P, 8 * P, 0, 0));
    do_mmap(window + 32 * P, P, PROT_NONE, ANON | MAP_FIXED, -1, 0);
    say("lock what nobody may touch", syscall(SYS_mlock, window + 32 * P, P));
    say("unlock", syscall(SYS_munlock, window, 8 * P));
    say("unlock hole", syscall(SYS_munlock, window, 9 * P));
    say("not needed", do_madvise(window, P, MADV_DONTNEED));
    say("all, no flag", syscall(SYS_mlockall, 0));
    say("all, unknown flag", syscall(SYS_mlockall, 8));
    say("all, only on fault", syscall(SYS_mlockall, 4));
    say("all, over the limit", syscall(SYS_mlockall, MCL_CURRENT));
    say("all to come", syscall(SYS_mlockall, MCL_FUTURE));
    say("to come, over the limit", do_mmap(window + 64 * P, 8 * P, RW, ANON | MAP_FIXED, -1, 0));
    say("to come", do_mmap(window + 64 * P, P, RW, ANON | MAP_FIXED, -1, 0));
    say("not needed", do_madvise(window + 64 * P, P, MADV_DONTNEED));
    say("none", syscall(SYS_munlockall));
    say("not needed", do_madvise(window + 64 * P, P, MADV_DONTNEED));
    limit.rlim_cur = limit.rlim_max = 0;
    setrlimit(RLIMIT_MEMLOCK, &limit);
    say("may not", syscall(SYS_mlock, window, P));
    say("may not map", do_mmap(window + 64 * P, P, RW, ANON | MAP_FIXED | MAP_LOCKED, -1, 0));
    show_maps("maps", window, window + WINDOW);
    return 0;
}
