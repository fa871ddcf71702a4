/* inotify: what happens in a folder, in order. */
#include <sys/inotify.h>

#include "behaviour.h"

int main(void)
{
    _Alignas(struct inotify_event) char buffer[4096];
    int fd;
    for (int tries = 0; (fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) < 0 && errno == EMFILE && tries < 100; tries++)
        pause_ms(50); /* a user has few of them, and others of the user may have them all */
    NEED(fd >= 0 && mkdir("folder", 0700) == 0);
    int watch = inotify_add_watch(fd, "folder", IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF);
    NEED(watch >= 0);
    say("nothing yet: %s", outcome(read(fd, buffer, sizeof buffer)));
    int file = open("folder/name", O_WRONLY | O_CREAT, 0600);
    NEED(file >= 0 && write(file, "x", 1) == 1);
    close(file);
    NEED(rename("folder/name", "folder/another-name") == 0);
    NEED(unlink("folder/another-name") == 0);
    NEED(rmdir("folder") == 0);
    ssize_t size = read(fd, buffer, sizeof buffer);
    NEED(size > 0);
    for (char *at = buffer; at < buffer + size;) {
        struct inotify_event *event = (struct inotify_event *)(void *)at;
        say("%d %x %s", event->wd == watch, event->mask, event->len ? event->name : "-");
        at += sizeof *event + event->len;
    }
    say("no such watch: %s", outcome(inotify_rm_watch(fd, watch)));
    say("no such file: %s", outcome(inotify_add_watch(fd, "nowhere", IN_CREATE)));
    return 0;
}
