/* A series of system calls, made by number so that every architecture makes the same, between two calls of getpgid(4321). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <time.h>
#include <unistd.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

static void files(void)
{
    char buffer[64];
    int fd = syscall(SYS_openat, AT_FDCWD, "strace.tmp", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    syscall(SYS_write, fd, "hello\n\tworld \"quoted\" \\ \1\2773 and more than thirty-two bytes of it", 60);
    syscall(SYS_lseek, fd, 3L, SEEK_SET);
    syscall(SYS_read, fd, buffer, 10);
    struct iovec vectors[2] = {{"one", 3}, {"two-two", 7}};
    syscall(SYS_writev, fd, vectors, 2);
    syscall(SYS_pread64, fd, buffer, 64L, 60L);
    syscall(SYS_fcntl, fd, F_GETFD);
    syscall(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
    syscall(SYS_ftruncate, fd, 4096L);
    syscall(SYS_fchmod, fd, 0600);
    syscall(SYS_dup3, fd, 77, O_CLOEXEC);
    syscall(SYS_close, 77);
    syscall(SYS_close, fd);
    syscall(SYS_openat, AT_FDCWD, "/nonexistent/file", O_RDONLY | O_DIRECTORY);
    syscall(SYS_mkdirat, AT_FDCWD, "strace.dir", 0755);
    syscall(SYS_symlinkat, "target", AT_FDCWD, "strace.link");
    syscall(SYS_readlinkat, AT_FDCWD, "strace.link", buffer, 64);
    syscall(SYS_renameat2, AT_FDCWD, "strace.link", AT_FDCWD, "strace.moved", RENAME_NOREPLACE);
    syscall(SYS_unlinkat, AT_FDCWD, "strace.moved", 0);
    syscall(SYS_unlinkat, AT_FDCWD, "strace.dir", AT_REMOVEDIR);
    syscall(SYS_unlinkat, AT_FDCWD, "strace.tmp", 0);
    syscall(SYS_faccessat, AT_FDCWD, "/etc/passwd", R_OK | W_OK);
    syscall(SYS_umask, 022);
    syscall(SYS_read, 99, buffer, 3);
}

static void sockets(void)
{
    int pair[2];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(80), .sin_addr = {htonl(0x7f000001)}};
    syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
    struct pollfd ready = {pair[0], POLLOUT, 0};
    struct timespec none = {0, 0};
    syscall(SYS_ppoll, &ready, 1, &none, 0, 8);
    syscall(SYS_shutdown, pair[0], SHUT_WR);
    syscall(SYS_bind, 99, &address, sizeof address);
    int epoll = syscall(SYS_epoll_create1, EPOLL_CLOEXEC);
    struct epoll_event event = {EPOLLIN | EPOLLET, {.u64 = 5}};
    syscall(SYS_epoll_ctl, epoll, EPOLL_CTL_ADD, pair[1], &event);
    syscall(SYS_close, epoll);
    syscall(SYS_close, pair[0]);
    syscall(SYS_close, pair[1]);
}

static void others(void)
{
    struct timespec soon = {0, 1000}, when;
    struct rlimit limit;
    unsigned long set = 1ul << (SIGUSR1 - 1) | 1ul << (SIGTERM - 1);
    syscall(SYS_nanosleep, &soon, 0);
    syscall(SYS_clock_getres, CLOCK_MONOTONIC, &when);
    syscall(SYS_prlimit64, 0, RLIMIT_CORE, 0, &limit);
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, 0, 8);
    syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, 0, 8);
    syscall(SYS_munmap, 0x1001L, 4096L);
    syscall(SYS_madvise, 0L, 0L, MADV_DONTNEED);
    syscall(SYS_getuid);
    syscall(SYS_setpriority, PRIO_PROCESS, 0, 0);
}

int main(void)
{
    syscall(SYS_getpgid, 4321);
    files();
    sockets();
    others();
    syscall(SYS_getpgid, 4321);
    syscall(SYS_kill, getpid(), SIGTERM);
    return 0;
}
