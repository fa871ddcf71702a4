/* getdents64: all entries of a directory, with a small buffer, in the order of their names. */
#include "io.h"
#include <dirent.h>

static int by_name(const void *one, const void *other)
{
    return strcmp(one, other);
}

int main(void)
{
    static char names[300][32];
    char buffer[200], name[32];
    int count = 0;
    long got;
    mkdir("d", 0700);
    for (int i = 0; i < 50; i++) {
        sprintf(name, "d/entry%d", i);
        close(open(name, O_CREAT | O_WRONLY, 0600));
    }
    mkdir("d/sub", 0700);
    symlink("x", "d/symbolic");
    int fd = TELL(open("d", O_RDONLY | O_DIRECTORY));
    TELL(syscall(SYS_getdents64, fd, buffer, 10));
    while ((got = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0)
        for (long at = 0; at < got;) {
            struct dirent *entry = (struct dirent *)(buffer + at);
            snprintf(names[count++], 32, "%s %d", entry->d_name, entry->d_type);
            at += entry->d_reclen;
        }
    TELL(got);
    qsort(names, count, 32, by_name);
    for (int i = 0; i < count; i++)
        SHOW("%s", names[i]);
    TELL(lseek(fd, 0, SEEK_SET));
    SHOW("%d", syscall(SYS_getdents64, fd, buffer, sizeof buffer) > 0);
    TELL(syscall(SYS_getdents64, fd, NOWHERE, 100));
    TELL(syscall(SYS_getdents64, 0, buffer, 100));
    TELL(rmdir("d"));
    TELL(unlinkat(fd, "sub", 0));
    TELL(unlinkat(fd, "sub", AT_REMOVEDIR));
    return 0;
}
