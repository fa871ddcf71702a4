/* System-call numbers of the architectures that use the kernel's generic table. */
#ifndef PROBE_ASM_GENERIC_H
#define PROBE_ASM_GENERIC_H

enum {
    SYS_getcwd = 17, SYS_fcntl = 25, SYS_ioprio_get = 31, SYS_openat = 56, SYS_close = 57, SYS_getdents64 = 61, SYS_read = 63,
    SYS_write = 64, SYS_readlinkat = 78, SYS_personality = 92, SYS_exit_group = 94, SYS_get_robust_list = 100, SYS_getitimer = 102,
    SYS_sched_getscheduler = 120, SYS_sched_getaffinity = 123, SYS_sigaltstack = 132, SYS_rt_sigaction = 134,
    SYS_rt_sigprocmask = 135, SYS_rt_sigpending = 136, SYS_getpriority = 141, SYS_getresuid = 148, SYS_getresgid = 150,
    SYS_getgroups = 158, SYS_umask = 166, SYS_prctl = 167, SYS_brk = 214, SYS_get_mempolicy = 236, SYS_rseq = 293,
};

#endif
