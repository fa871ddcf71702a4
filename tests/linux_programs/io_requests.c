/* ioctl on files and on what is no terminal; requests that hold addresses or that nobody knows. */
#include "io.h"
#include <linux/fiemap.h>
#include <linux/fs.h>

int main(void)
{
    long flags = -1;
    int word = -1;
    int fd = open("file", O_CREAT | O_RDWR, 0600), other = open("other", O_CREAT | O_RDWR, 0600);
    write(fd, "data", 4);
    fsync(fd);
    TELL(ioctl(fd, FIONREAD, &word));
    SHOW("%d", word);
    TELL(lseek(fd, 1, SEEK_SET));
    TELL(ioctl(fd, FIONREAD, &word));
    SHOW("%d", word);
    CHECK(ioctl(fd, FS_IOC_GETFLAGS, &flags));
    CHECK(ioctl(fd, FS_IOC_SETFLAGS, &(long){0}));
    TELL(ioctl(fd, FIGETBSZ, &word));
    SHOW("%d", word);
    _Alignas(8) char space[sizeof(struct fiemap) + 2 * sizeof(struct fiemap_extent)];
    struct fiemap *map = (struct fiemap *)space;
    *map = (struct fiemap){.fm_length = ~0ull, .fm_extent_count = 2};
    TELL(ioctl(fd, FS_IOC_FIEMAP, map));
    SHOW("%u", map->fm_mapped_extents);
    map->fm_extent_count = 0xffffffff;
    TELL(ioctl(fd, FS_IOC_FIEMAP, map));
    TELL(ioctl(fd, FS_IOC_FIEMAP, NOWHERE));
    TELL(ioctl(other, FICLONE, fd));
    TELL(ioctl(other, FICLONE, 777));
    struct file_clone_range range = {.src_fd = fd};
    TELL(ioctl(other, FICLONERANGE, &range));
    TELL(ioctl(fd, BLKGETSIZE64, space));
    TELL(ioctl(fd, FIONBIO, &(int){1}));
    TELL(fcntl(fd, F_GETFL) & O_NONBLOCK);
    TELL(ioctl(fd, FIONBIO, NOWHERE));
    TELL(ioctl(fd, FIOASYNC, &(int){0}));
    TELL(ioctl(fd, 0x12345678, NOWHERE));
    TELL(ioctl(fd, 0, NOWHERE));
    TELL(ioctl(fd, ~0u, NOWHERE));
    TELL(ioctl(999, 0x12345678, NOWHERE));
    int random = open("/dev/urandom", O_RDONLY);
    TELL(ioctl(random, 0x80045200 /* RNDGETENTCNT */, &word));
    SHOW("%d", word > 0);
    int namespace = open("/proc/self/ns/net", O_RDONLY);
    SHOW("%#x", ioctl(namespace, 0xb703 /* NS_GET_NSTYPE */));
    return 0;
}
