/* Wrong arguments for --strace's tests: calls made by number between two calls of getpgid(4321). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define BAD ((void *)0xdead000)

int main(void)
{
    char *page = mmap((void *)0x12340000, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    char *end = page + 4096;
    int pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    syscall(SYS_getpgid, 4321);
    syscall(SYS_openat, AT_FDCWD, BAD, O_RDONLY);
    syscall(SYS_openat, AT_FDCWD, 0, O_RDONLY);
    syscall(SYS_openat, -5, "relative", 0x7fffffff, 0777);
    syscall(SYS_openat, 77, "", 3);
    end[-3] = 'a', end[-2] = 'b', end[-1] = 'c';
    syscall(SYS_openat, AT_FDCWD, end - 3, O_WRONLY);
    syscall(SYS_write, 99, BAD, 10L);
    syscall(SYS_write, 99, end - 3, 10L);
    syscall(SYS_write, 99, "a", 0L);
    syscall(SYS_write, -1, "abc", 3L);
    syscall(SYS_read, 0, BAD, 0L);
    syscall(SYS_read, 99, 0, 5L);
    syscall(SYS_lseek, 99, -1L, 77);
    syscall(SYS_writev, 0, BAD, 2);
    struct iovec bad[2] = {{BAD, 5}, {"ok", 2}};
    syscall(SYS_writev, 99, bad, 2);
    syscall(SYS_writev, 99, bad, 0);
    syscall(SYS_nanosleep, BAD, BAD);
    syscall(SYS_nanosleep, 0, 0);
    syscall(SYS_newfstatat, AT_FDCWD, "/", BAD, 0x77);
    syscall(SYS_fstat, 0, BAD);
    syscall(SYS_rt_sigaction, SIGUSR1, BAD, BAD, 8L);
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, BAD, 0, 8L);
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, 0, 0, 9L);
    syscall(SYS_kill, 0x7ffffff0, 65);
    syscall(SYS_ppoll, BAD, 3L, 0, 0, 8L);
    syscall(SYS_epoll_ctl, 98, 77, 99, BAD);
    syscall(SYS_pselect6, -1, 0, 0, 0, 0L, 0L);
    syscall(SYS_execve, BAD, BAD, BAD);
    syscall(SYS_execve, "/absent", 0, 0);
    syscall(SYS_bind, 99, BAD, 16);
    syscall(SYS_bind, 99, page, -1);
    syscall(SYS_sendto, 99, "x", 1L, 0, BAD, 16);
    syscall(SYS_sendmsg, pair[0], BAD, 0);
    syscall(SYS_recvmsg, pair[1], BAD, 0);
    syscall(SYS_getsockopt, 99, 1, 2, BAD, BAD);
    syscall(SYS_setsockopt, 99, 1, 88, "value", 5);
    syscall(SYS_prlimit64, 0, 3, BAD, 0);
    syscall(SYS_uname, BAD);
    syscall(SYS_getgroups, 1, BAD);
    syscall(SYS_futex, BAD, 0, 0, BAD, 0, 0);
    syscall(SYS_mmap, 0L, -1L, 0, 0, 0, 0L);
    syscall(SYS_munmap, 1L, 0L);
    syscall(SYS_fcntl, 99, F_SETLK, BAD);
    syscall(SYS_ioctl, 99, 0x5401, BAD);
    syscall(SYS_close, -1);
    syscall(SYS_dup3, 0, 0, 0);
    syscall(SYS_pipe2, BAD, 0x40);
    syscall(SYS_umask, -1);
    syscall(SYS_getrandom, BAD, 10L, 0x77);
    syscall(SYS_openat, AT_FDCWD, "a very long name that is longer than thirty-two bytes", O_RDONLY);
    syscall(500, 1L, 2L, 3L, 4L, 5L, 6L);
    syscall(SYS_getpgid, 4321);
    syscall(SYS_kill, getpid(), SIGKILL);
    return 0;
}
