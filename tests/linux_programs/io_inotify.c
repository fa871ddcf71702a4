/* inotify: what happens to files of a directory. */
#include "io.h"
#include <sys/inotify.h>

int main(void)
{
    _Alignas(struct inotify_event) char buffer[4096];
    mkdir("d", 0700);
    int fd = TELL(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    int watch = TELL(inotify_add_watch(fd, "d", IN_CREATE | IN_DELETE | IN_MOVE | IN_CLOSE_WRITE));
    TELL(inotify_add_watch(fd, "nothing", IN_CREATE));
    TELL(read(fd, buffer, sizeof buffer));
    close(open("d/file", O_CREAT | O_WRONLY, 0600));
    rename("d/file", "d/other");
    unlink("d/other");
    int bytes = 0;
    TELL(ioctl(fd, FIONREAD, &bytes));
    SHOW("%d bytes", bytes);
    TELL(read(fd, buffer, 4));
    long got = TELL(read(fd, buffer, sizeof buffer));
    for (long at = 0; at < got;) {
        struct inotify_event *event = (struct inotify_event *)(buffer + at);
        SHOW("%d %#x %s", event->wd, event->mask, event->name);
        at += (long)sizeof *event + event->len;
    }
    TELL(inotify_rm_watch(fd, watch));
    TELL(inotify_rm_watch(fd, watch));
    TELL(read(fd, buffer, sizeof buffer));
    SHOW("%#x", ((struct inotify_event *)buffer)->mask);
    return 0;
}
