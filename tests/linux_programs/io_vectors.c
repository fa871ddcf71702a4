/* Vectors with offsets and flags, and what goes wrong in their middle. */
#include "io.h"

int main(void)
{
    char one[8] = "", two[8] = "";
    int fd = open("file", O_CREAT | O_RDWR, 0600);
    struct iovec out[3] = {{"abc", 3}, {"", 0}, {"defgh", 5}}, in[2] = {{one, 2}, {two, 4}};
    TELL(pwritev(fd, out, 3, 5));
    TELL(lseek(fd, 0, SEEK_CUR));
    TELL(preadv(fd, in, 2, 6));
    SHOW("%s %s", one, two);
    TELL(syscall(SYS_preadv2, fd, in, 2, 5L, 0L, 0));
    SHOW("%s %s", one, two);
    TELL(syscall(SYS_pwritev2, fd, out, 1, -1L, -1L, 0x10 /* RWF_APPEND */));
    TELL(lseek(fd, 0, SEEK_CUR));
    TELL(syscall(SYS_preadv2, fd, in, 2, -1L, -1L, 0));
    TELL(syscall(SYS_preadv2, fd, in, 2, 0L, 0L, 0x40000000));
    TELL(preadv(fd, in, 2, -5));
    TELL(pread(fd, one, 4, -1));
    TELL(pread(fd, one, (size_t)-1, 0));
    TELL(pread(fd, NOWHERE, 4, 0));
    in[1].iov_base = NOWHERE;
    TELL(preadv(fd, in, 2, 5));
    SHOW("%.2s", one);
    char *end = edge();
    TELL(pread(fd, end - 3, 8, 5));
    SHOW("%.3s", end - 3);
    memcpy(end - 2, "xy", 2);
    TELL(pwrite(fd, end - 2, 2, 0));
    TELL(pwrite(fd, end - 2, 3, 0));
    TELL(ftruncate(fd, 3));
    TELL(lseek(fd, 0, SEEK_END));
    TELL(lseek(fd, 0, SEEK_HOLE));
    TELL(lseek(fd, 100, SEEK_DATA));
    TELL(lseek(fd, -1, SEEK_SET));
    TELL(fallocate(fd, 0, 0, 10000));
    TELL(lseek(fd, 0, SEEK_END));
    TELL(fallocate(fd, 0, 0, 0));
    return 0;
}
