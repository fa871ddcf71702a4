/* Files for --strace's tests: calls made by number, so that every architecture makes the same, between two calls of getpgid(4321). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <termios.h>
#include <unistd.h>

static char buffer[4096];

static void status(int fd)
{
    struct stat st;
    struct statx sx;
    struct statfs fs;
    syscall(SYS_newfstatat, AT_FDCWD, "strace.dir", &st, 0);
    syscall(SYS_newfstatat, AT_FDCWD, "/dev/null", &st, AT_SYMLINK_NOFOLLOW);
    syscall(SYS_newfstatat, AT_FDCWD, "absent", &st, 0);
    syscall(SYS_fstat, fd, &st);
    syscall(SYS_fstat, 99, &st);
    syscall(SYS_statx, AT_FDCWD, "strace.dir", AT_STATX_SYNC_AS_STAT | AT_NO_AUTOMOUNT, STATX_MODE | STATX_NLINK, &sx);
    syscall(SYS_statx, AT_FDCWD, "absent", 0, STATX_ALL, &sx);
    syscall(SYS_statfs, "/proc", &fs);
    syscall(SYS_statfs, "/absent", &fs);
    syscall(SYS_fstatfs, 99, &fs);
}

static void names(void)
{
    syscall(SYS_mkdirat, AT_FDCWD, "strace.dir", 0755);
    int dir = syscall(SYS_openat, AT_FDCWD, "strace.dir", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    syscall(SYS_mknodat, dir, "fifo", S_IFIFO | 0600, 0);
    syscall(SYS_symlinkat, "target", dir, "link");
    syscall(SYS_linkat, dir, "fifo", AT_FDCWD, "strace.dir/other", 0);
    syscall(SYS_readlinkat, dir, "link", buffer, 4L);
    syscall(SYS_readlinkat, dir, "fifo", buffer, 64L);
    syscall(SYS_getdents64, dir, buffer, 4096);
    syscall(SYS_getdents64, dir, buffer, 4096);
    syscall(SYS_fchmodat, AT_FDCWD, "strace.dir", 01755);
    syscall(SYS_fchownat, dir, "link", -1, -1, AT_SYMLINK_NOFOLLOW);
    struct timespec times[2] = {{1, 2}, {0, UTIME_OMIT}};
    syscall(SYS_utimensat, dir, "fifo", times, 0);
    times[0].tv_nsec = UTIME_NOW;
    syscall(SYS_utimensat, dir, "fifo", times, AT_SYMLINK_NOFOLLOW);
    syscall(SYS_utimensat, dir, "fifo", 0, 0);
    status(dir);
    syscall(SYS_renameat2, dir, "link", dir, "linked", 1);
    syscall(SYS_unlinkat, dir, "linked", 0);
    syscall(SYS_unlinkat, dir, "fifo", 0);
    syscall(SYS_unlinkat, dir, "other", 0);
    syscall(SYS_close, dir);
    syscall(SYS_unlinkat, AT_FDCWD, "strace.dir", AT_REMOVEDIR);
    syscall(SYS_faccessat, AT_FDCWD, "/etc/passwd", F_OK);
    syscall(SYS_faccessat2, AT_FDCWD, "/etc/passwd", R_OK, AT_EACCESS);
    syscall(SYS_chdir, "/");
    syscall(SYS_getcwd, buffer, 64L);
    syscall(SYS_getcwd, buffer, 1L);
    syscall(SYS_umask, 022);
    syscall(SYS_umask, 0);
    syscall(SYS_umask, 022);
    syscall(SYS_getxattr, "/etc/passwd", "user.absent", buffer, 16L);
    syscall(SYS_listxattr, "/etc/passwd", 0, 0L);
    syscall(SYS_inotify_init1, 99);
    int watch = syscall(SYS_inotify_init1, IN_CLOEXEC | IN_NONBLOCK);
    syscall(SYS_inotify_add_watch, watch, "/etc", IN_CREATE | IN_DELETE);
    syscall(SYS_inotify_rm_watch, watch, 1);
    syscall(SYS_close, watch);
}

static void data(void)
{
    int fd = syscall(SYS_memfd_create, "memory", 1 | 2);
    struct iovec out[3] = {{"first", 5}, {0, 0}, {"a second one that is longer than shown", 38}};
    syscall(SYS_writev, fd, out, 3);
    syscall(SYS_lseek, fd, -5L, SEEK_END);
    syscall(SYS_read, fd, buffer, 100L);
    syscall(SYS_read, fd, buffer, 100L);
    syscall(SYS_pwrite64, fd, "x\0y\177\377\0019", 7L, 2L);
    syscall(SYS_pread64, fd, buffer, 7L, 2L);
    struct iovec in[3] = {{buffer, 4}, {buffer + 100, 6}, {buffer + 200, 100}};
    syscall(SYS_lseek, fd, 0L, SEEK_SET);
    syscall(SYS_readv, fd, in, 3);
    syscall(SYS_preadv, fd, in, 2, 38L, 0L);
    syscall(SYS_preadv, fd, in, 2, 3L, 0L);
    syscall(SYS_pwritev, fd, out, 1, 3L, 0L);
    syscall(SYS_preadv2, fd, in, 2, 3L, 0L, 0);
    syscall(SYS_fallocate, fd, 0, 0L, 8192L);
    syscall(SYS_fallocate, fd, 3, 0L, 4096L);
    syscall(SYS_ftruncate, fd, 100L);
    syscall(SYS_fsync, fd);
    syscall(SYS_fadvise64, fd, 0L, 0L, 1);
    long offset = 7;
    int other = syscall(SYS_memfd_create, "", 0);
    syscall(SYS_sendfile, other, fd, &offset, 10L);
    syscall(SYS_sendfile, other, fd, 0, 10L);
    offset = 3;
    syscall(SYS_copy_file_range, fd, &offset, other, 0, 5L, 0);
    int ends[2];
    syscall(SYS_pipe2, ends, O_CLOEXEC | O_NONBLOCK);
    offset = 1;
    syscall(SYS_splice, fd, &offset, ends[1], 0, 5L, 1);
    syscall(SYS_tee, ends[0], ends[1], 5L, 2);
    struct iovec one = {"vm", 2};
    syscall(SYS_vmsplice, ends[1], &one, 1L, 0);
    syscall(SYS_read, ends[0], buffer, 100L);
    syscall(SYS_read, ends[0], buffer, 100L);
    syscall(SYS_fcntl, fd, F_DUPFD, 50L);
    syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 60L);
    syscall(SYS_fcntl, fd, F_GETFD);
    syscall(SYS_fcntl, fd, F_SETFD, 0L);
    syscall(SYS_fcntl, fd, F_GETFD);
    syscall(SYS_fcntl, ends[0], F_GETFL);
    syscall(SYS_fcntl, ends[0], F_SETFL, (long)(O_RDONLY | O_APPEND));
    syscall(SYS_fcntl, ends[0], F_GETPIPE_SZ);
    syscall(SYS_fcntl, ends[0], F_SETPIPE_SZ, 4096L);
    syscall(SYS_fcntl, fd, F_ADD_SEALS, 2L);
    syscall(SYS_fcntl, fd, F_GET_SEALS);
    syscall(SYS_fcntl, fd, F_GETOWN);
    syscall(SYS_fcntl, fd, F_SETSIG, 12L);
    syscall(SYS_fcntl, fd, F_GETSIG);
    syscall(SYS_fcntl, fd, F_GETLEASE);
    syscall(SYS_fcntl, fd, 77, 5L);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 1, .l_len = 10};
    syscall(SYS_fcntl, fd, F_SETLK, &lock);
    syscall(SYS_fcntl, fd, F_GETLK, &lock);
    struct f_owner_ex owner = {F_OWNER_PID, 0};
    syscall(SYS_fcntl, fd, F_SETOWN_EX, &owner);
    syscall(SYS_fcntl, fd, F_GETOWN_EX, &owner);
    syscall(SYS_flock, fd, LOCK_SH | LOCK_NB);
    syscall(SYS_dup, fd);
    syscall(SYS_dup3, fd, 70, O_CLOEXEC);
    syscall(SYS_close_range, 50, 80, 0);
    syscall(SYS_ioctl, fd, FIOCLEX);
    int available;
    syscall(SYS_ioctl, ends[0], FIONREAD, &available);
    available = 1;
    syscall(SYS_ioctl, ends[0], FIONBIO, &available);
    syscall(SYS_ioctl, fd, TCGETS, buffer);
    syscall(SYS_ioctl, fd, TIOCGWINSZ, buffer);
    syscall(SYS_ioctl, fd, 0x8004d3ff, buffer);
    syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", (long[]){O_RDONLY | O_CLOEXEC, 0, 8}, 24L);
    syscall(SYS_openat, AT_FDCWD, "/tmp", O_RDWR | O_TMPFILE, 0600);
}

static void terminal(void)
{
    int fd = syscall(SYS_openat, AT_FDCWD, "/dev/ptmx", O_RDWR | O_NOCTTY);
    struct termios attributes;
    struct winsize size = {24, 80, 0, 0};
    int number = 0;
    syscall(SYS_ioctl, fd, 0x80045430, &number);
    syscall(SYS_ioctl, fd, 0x40045431, &(int){0});
    syscall(SYS_ioctl, fd, TCGETS, &attributes);
    syscall(SYS_ioctl, fd, TCSETS, &attributes);
    syscall(SYS_ioctl, fd, TIOCSWINSZ, &size);
    syscall(SYS_ioctl, fd, TIOCGWINSZ, &size);
    syscall(SYS_ioctl, fd, TIOCGPGRP, &number);
    syscall(SYS_ioctl, fd, TIOCGSID, &number);
    syscall(SYS_close, fd);
}

int main(void)
{
    syscall(SYS_getpgid, 4321);
    names();
    data();
    terminal();
    syscall(SYS_getpgid, 4321);
    return 0;
}
