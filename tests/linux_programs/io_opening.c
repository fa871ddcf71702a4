/* open and openat2 with their flags, close_range, dup: which numbers descriptors get. */
#include "io.h"
#include <linux/openat2.h>

int main(void)
{
    struct open_how how = {.flags = O_RDONLY};
    mkdir("d", 0700);
    TELL(symlink("/etc/passwd", "d/out"));
    int d = TELL(open("d", O_DIRECTORY | O_RDONLY));
    close(TELL(openat(d, "file", O_CREAT | O_EXCL | O_WRONLY, 0600)));
    TELL(openat(d, "file", O_CREAT | O_EXCL | O_WRONLY, 0600));
    TELL(open("d/file", O_DIRECTORY));
    TELL(open("d/out", O_NOFOLLOW));
    TELL(open("d", O_WRONLY));
    TELL(open(NOWHERE, O_RDONLY));
    close(TELL(syscall(SYS_openat2, d, "file", &how, sizeof how)));
    how.resolve = RESOLVE_BENEATH;
    close(TELL(syscall(SYS_openat2, d, "file", &how, sizeof how)));
    TELL(syscall(SYS_openat2, d, "../d/file", &how, sizeof how));
    TELL(syscall(SYS_openat2, d, "out", &how, sizeof how));
    how.resolve = RESOLVE_NO_SYMLINKS;
    TELL(syscall(SYS_openat2, d, "out", &how, sizeof how));
    how.resolve = 0x100000;
    TELL(syscall(SYS_openat2, d, "file", &how, sizeof how));
    how.resolve = 0;
    TELL(syscall(SYS_openat2, d, "file", &how, 8));
    TELL(syscall(SYS_openat2, d, "file", NOWHERE, sizeof how));
    int path = TELL(open("d/file", O_PATH));
    char byte;
    TELL(read(path, &byte, 1));
    TELL(fcntl(path, F_GETFL) == O_PATH || fcntl(path, F_GETFL) == (O_PATH | O_LARGEFILE));
    TELL(dup(0));
    TELL(dup2(0, 20));
    TELL(dup3(0, 21, O_CLOEXEC));
    TELL(dup3(0, 0, 0));
    TELL(dup2(0, -1));
    TELL(fcntl(0, F_DUPFD, 10));
    TELL(fcntl(0, F_DUPFD_CLOEXEC, 20));
    TELL(fcntl(22, F_GETFD));
    TELL(syscall(SYS_close_range, 20, 21, 0));
    TELL(fcntl(20, F_GETFD));
    TELL(syscall(SYS_close_range, 4, 11, 4 /* CLOSE_RANGE_CLOEXEC */));
    TELL(fcntl(10, F_GETFD));
    TELL(syscall(SYS_close_range, 3, ~0u, 0));
    TELL(fcntl(10, F_GETFD));
    TELL(syscall(SYS_close_range, 5, 3, 0));
    TELL(syscall(SYS_close_range, 3, 5, 99));
    TELL(close(3));
    TELL(close(-1));
    TELL(open("d/file", O_RDONLY));
    return 0;
}
