/* statx, and stat as the C library makes it of that or of the older calls. */
#include "io.h"

int main(void)
{
    struct statx x;
    struct stat s;
    int fd = open("file", O_CREAT | O_RDWR, 0640);
    write(fd, "12345", 5);
    TELL(symlink("file", "link"));
    memset(&x, 0x55, sizeof x);
    TELL(statx(AT_FDCWD, "file", 0, STATX_BASIC_STATS, &x));
    SHOW("%o %u %llu", x.stx_mode, x.stx_nlink, (unsigned long long)x.stx_size);
    TELL(statx(AT_FDCWD, "link", AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_SIZE, &x));
    SHOW("%o %llu", x.stx_mode & S_IFMT, (unsigned long long)x.stx_size);
    TELL(statx(fd, "", AT_EMPTY_PATH, STATX_SIZE, &x));
    SHOW("%llu", (unsigned long long)x.stx_size);
    TELL(statx(fd, "", 0, STATX_SIZE, &x));
    TELL(syscall(SYS_statx, AT_FDCWD, "file", 0, 0x80000000, &x));
    TELL(syscall(SYS_statx, AT_FDCWD, "file", 0, STATX_SIZE, NOWHERE));
    TELL(syscall(SYS_statx, AT_FDCWD, "file", 0x6000, STATX_SIZE, &x));
    TELL(lstat("link", &s));
    SHOW("%o %ld", s.st_mode, (long)s.st_size);
    TELL(stat("link", &s));
    SHOW("%o %ld %d %d", s.st_mode, (long)s.st_size, s.st_uid == getuid(), (int)s.st_nlink);
    TELL(fstat(fd, &s));
    SHOW("%d %d", s.st_ino == x.stx_ino, llabs(time(0) - s.st_mtim.tv_sec) < 100);
    struct timespec times[2] = {{1000000001, 5}, {1000000002, 999999999}};
    TELL(futimens(fd, times));
    TELL(fstat(fd, &s));
    SHOW("%ld.%ld %ld.%ld", (long)s.st_atim.tv_sec, s.st_atim.tv_nsec, (long)s.st_mtim.tv_sec, s.st_mtim.tv_nsec);
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_nsec = 1000000000;
    TELL(utimensat(AT_FDCWD, "link", times, AT_SYMLINK_NOFOLLOW));
    TELL(stat("/dev/null", &s));
    SHOW("%o %#lx", s.st_mode & S_IFMT, (unsigned long)s.st_rdev);
    TELL(stat("file/x", &s));
    TELL(stat("", &s));
    return 0;
}
