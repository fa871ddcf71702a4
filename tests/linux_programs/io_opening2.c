/* openat2: what it refuses that openat ignores, and its restrictions on the walk, also for files of /proc that are the program's own. */
#include "io.h"
#include <linux/openat2.h>

static long try(int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
    struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
    return syscall(SYS_openat2, directory, path, &how, sizeof how);
}

static void larger(const char *path, size_t size, size_t set)
{
    static char how[8192];
    memset(how, 0, sizeof how);
    if (set)
        how[set] = 1;
    close(TELL(syscall(SYS_openat2, AT_FDCWD, path, how, size)));
}

static void first_line(int fd, const char *word)
{
    char text[4096] = "";
    long size = read(fd, text, sizeof text - 1);
    SHOW("%s: read %d, found %d", word, size > 0, strstr(text, word) != 0);
    close(fd);
}

int main(void)
{
    mkdir("d", 0700);
    symlink("file", "d/link");
    symlink("/proc/self/maps", "d/maps");
    int d = TELL(open("d", O_DIRECTORY | O_RDONLY)), proc = TELL(open("/proc/self", O_PATH));
    close(TELL(try(d, "file", O_CREAT | O_RDWR, 0600, 0)));
    close(TELL(try(d, "link", O_RDONLY, 0, 0)));
    TELL(try(d, "file", O_RDONLY, 0600, 0));
    TELL(try(d, "new", O_CREAT | O_RDWR, 0200600, 0));
    TELL(try(d, "file", 1ull << 40, 0, 0));
    TELL(try(d, "file", 1ull << 29, 0, 0));
    TELL(try(d, "file", O_PATH | O_RDWR, 0, 0));
    TELL(try(d, "new", O_DIRECTORY | O_CREAT | O_RDWR, 0600, 0));
    TELL(try(d, ".", O_TMPFILE | O_RDONLY, 0600, 0));
    TELL(try(d, "file", O_RDONLY, 0, 0x40));
    TELL(try(d, "file", O_RDONLY, 0, 1ull << 33));
    TELL(try(d, "file", O_RDONLY, 0, RESOLVE_BENEATH | RESOLVE_IN_ROOT));
    TELL(try(d, "file", O_RDWR | O_TRUNC, 0, RESOLVE_CACHED));
    TELL(try(d, "link", O_RDONLY, 0, RESOLVE_NO_SYMLINKS));
    close(TELL(try(d, "link", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS)));
    TELL(try(d, "/etc/passwd", O_RDONLY, 0, RESOLVE_BENEATH));
    TELL(try(d, "/../../etc/passwd", O_RDONLY, 0, RESOLVE_IN_ROOT));
    close(TELL(try(d, "/../link", O_RDONLY, 0, RESOLVE_IN_ROOT)));
    TELL(try(d, "/proc/self/status", O_RDONLY, 0, RESOLVE_NO_XDEV));
    TELL(try(d, "/proc/self/maps", O_RDONLY, 0, RESOLVE_NO_SYMLINKS));
    TELL(try(AT_FDCWD, "/proc/self/exe", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS));
    TELL(try(99, "file", O_RDONLY, 0, 0));
    TELL(try(d, "file/x", O_RDONLY, 0, 0));
    first_line(try(AT_FDCWD, "/proc/self/maps", O_RDONLY, 0, 0), "io_opening2");
    first_line(try(proc, "maps", O_RDONLY, 0, RESOLVE_BENEATH), "io_opening2");
    first_line(try(d, "maps", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS), "io_opening2");
    first_line(try(AT_FDCWD, "/proc/self/exe", O_RDONLY, 0, 0), "ELF");
    first_line(try(proc, "cmdline", O_RDONLY, 0, RESOLVE_NO_XDEV), "io_opening2");
    larger("d/file", 23, 0);
    larger("d/file", 24, 0);
    larger("d/file", 32, 0);
    larger("d/file", 32, 31);
    larger("d/file", 4096, 0);
    larger("d/file", 4096, 4095);
    larger("d/file", 4097, 0);
    return 0;
}
