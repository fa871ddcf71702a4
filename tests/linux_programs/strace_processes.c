/* Processes, identity, limits and memory for --strace's tests: calls made by number between two calls of getpgid(4321). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

static char buffer[1024];

static void identity(void)
{
    unsigned int ids[64];
    syscall(SYS_getpid);
    syscall(SYS_getppid);
    syscall(SYS_gettid);
    syscall(SYS_getuid);
    syscall(SYS_getegid);
    syscall(SYS_getresuid, ids, ids + 1, ids + 2);
    syscall(SYS_getresgid, ids, ids + 1, 0);
    syscall(SYS_getgroups, 64, ids);
    syscall(SYS_getgroups, 0, 0);
    syscall(SYS_setresuid, -1, -1, -1);
    syscall(SYS_setreuid, -1, -1);
    syscall(SYS_setfsuid, -1);
    syscall(SYS_getsid, 0x7ffffff0);
    syscall(SYS_setpgid, 0x7ffffff0, 0);
    syscall(SYS_prctl, PR_SET_NAME, "a name longer than sixteen");
    syscall(SYS_prctl, PR_GET_NAME, buffer);
    syscall(SYS_prctl, PR_GET_DUMPABLE);
    syscall(SYS_prctl, PR_SET_PDEATHSIG, 0L);
    syscall(SYS_prctl, PR_GET_PDEATHSIG, buffer);
    syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L);
    syscall(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 0L);
    syscall(SYS_prctl, PR_CAPBSET_READ, 21L);
    syscall(SYS_prctl, PR_SET_DUMPABLE, 1L);
    syscall(SYS_prctl, PR_SET_KEEPCAPS, 0L);
    syscall(SYS_prctl, 0x7777, 1L, 2L, 3L, 4L);
    struct { unsigned int version; int pid; } header = {0x20080522, 0};
    syscall(SYS_capget, &header, 0);
    syscall(SYS_capget, &header, buffer);
    syscall(SYS_capset, &header, buffer);
}

static void limits(void)
{
    struct rlimit limit;
    struct rusage usage;
    struct utsname name;
    struct tms tms;
    struct sysinfo info;
    syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &limit);
    limit.rlim_cur = 100;
    syscall(SYS_prlimit64, 0, RLIMIT_MSGQUEUE, &(struct rlimit){100, 800 << 10}, &limit);
    syscall(SYS_prlimit64, 0, 99, &limit, 0);
    syscall(SYS_getrlimit, RLIMIT_CORE, &limit);
    syscall(SYS_setrlimit, RLIMIT_CORE, &(struct rlimit){0, RLIM_INFINITY});
    syscall(SYS_getrusage, RUSAGE_SELF, 0x10L);
    syscall(SYS_getrusage, RUSAGE_CHILDREN, &usage);
    syscall(SYS_uname, &name);
    syscall(SYS_sysinfo, 0x10L);
    syscall(SYS_times, 0x10L);
    (void)tms, (void)info;
    syscall(SYS_getpriority, PRIO_PROCESS, 0);
    syscall(SYS_setpriority, PRIO_PGRP, 0x7ffffff0, 5);
    syscall(SYS_sched_getscheduler, 0);
    syscall(SYS_sched_getparam, 0, &(int){0});
    syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &(int){0});
    syscall(SYS_sched_setscheduler, 0, SCHED_FIFO | 0x40000000, &(int){3});
    syscall(SYS_sched_get_priority_max, SCHED_RR);
    syscall(SYS_sched_yield);
    syscall(SYS_sched_setaffinity, 0, 8L, &(uint64_t){0x100000001});
    syscall(SYS_sched_setaffinity, 0, 8L, &(uint64_t){0});
    syscall(SYS_ioprio_get, 1, 0);
    syscall(SYS_ioprio_set, 1, 0, 4 << 13 | 5);
    syscall(SYS_getrandom, buffer, 0L, 3);
    syscall(SYS_getcpu, 0, 0, 0);
    syscall(SYS_membarrier, 16, 0, 0);
    syscall(SYS_personality, 0xffffffffL);
    syscall(SYS_syslog, 99, buffer, 10);
    syscall(SYS_sethostname, "a-name", -1L);
}

static void memory(void)
{
    char *place = (char *)syscall(SYS_mmap, 0L, 8192L, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L);
    syscall(SYS_mprotect, place, 4096L, PROT_NONE);
    syscall(SYS_madvise, place, 8192L, MADV_DONTNEED);
    syscall(SYS_mremap, place + 4096, 4096L, 8192L, MREMAP_MAYMOVE, 0L);
    syscall(SYS_msync, place, 4096L, MS_SYNC);
    syscall(SYS_mincore, 0x1000L, 4096L, buffer);
    syscall(SYS_mincore, place, 4096L, buffer);
    syscall(SYS_mlock, place, 4096L);
    syscall(SYS_mlock2, place, 4096L, 1);
    syscall(SYS_munlock, place, 4096L);
    syscall(SYS_mlockall, 99);
    syscall(SYS_munmap, place, 8192L);
    syscall(SYS_mmap, 1L, 0L, 0x77, MAP_SHARED | MAP_FIXED, 99, 4096L);
    syscall(SYS_mmap, 0L, 4096L, PROT_READ, MAP_SHARED, 99, 8192L);
    syscall(SYS_brk, 0L);
}

static void children(char **argv, char **envp)
{
    int status;
    struct rusage usage;
    siginfo_t info;
    syscall(SYS_wait4, -1, &status, WNOHANG, 0);
    syscall(SYS_waitid, P_ALL, 0, &info, WEXITED | WNOHANG, 0);
    syscall(SYS_execve, "/absent", argv, envp);
    syscall(SYS_execve, "/absent", (char *[]){"one", "two \"quoted\"", 0}, 0);
    syscall(SYS_execveat, AT_FDCWD, "absent", argv, envp, 0);
    syscall(SYS_unshare, 0);
    syscall(SYS_setns, 99, CLONE_NEWNET);
    syscall(SYS_pidfd_open, -1, 0);
    syscall(SYS_wait4, 0x7ffffff0, &status, 0, &usage);
}

static void ipc(void)
{
    int id = syscall(SYS_shmget, IPC_PRIVATE, 4096L, IPC_CREAT | 0600);
    void *place = (void *)syscall(SYS_shmat, id, 0L, 0);
    syscall(SYS_shmdt, place);
    syscall(SYS_shmctl, id, IPC_RMID, 0L);
    id = syscall(SYS_semget, 0, 1, 0600);
    syscall(SYS_semctl, id, 0, SETVAL, 3L);
    syscall(SYS_semctl, id, 0, GETVAL, 0L);
    syscall(SYS_semop, id, &(struct sembuf){0, -1, SEM_UNDO | IPC_NOWAIT}, 1L);
    syscall(SYS_semctl, id, 0, IPC_RMID, 0L);
    id = syscall(SYS_msgget, 0, IPC_CREAT | 0600);
    struct { long type; char text[8]; } message = {7, "message"};
    syscall(SYS_msgsnd, id, &message, 7L, IPC_NOWAIT);
    syscall(SYS_msgrcv, id, &message, 7L, 0L, 0);
    syscall(SYS_msgctl, id, IPC_RMID, 0L);
    syscall(SYS_msgget, 0x7123, 0);
}

int main(int argc, char **argv, char **envp)
{
    (void)argc;
    syscall(SYS_getpgid, 4321);
    identity();
    limits();
    memory();
    children(argv, envp);
    ipc();
    syscall(SYS_getpgid, 4321);
    return 0;
}
