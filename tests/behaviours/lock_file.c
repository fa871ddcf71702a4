/* flock, fcntl and OFD locks between processes: who gets them, who holds them, what releases them. */
#include <sys/file.h>

#include "behaviour.h"

static void try(const char *name)
{
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        int fd = open("file", O_RDWR);
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 5, .l_len = 10};
        NEED(fd >= 0);
        const char *whole = outcome(flock(fd, LOCK_EX | LOCK_NB)), *posix = outcome(fcntl(fd, F_SETLK, &lock)), *ofd = "";
        lock.l_type = F_UNLCK;
        fcntl(fd, F_SETLK, &lock);
        lock.l_type = F_WRLCK;
        lock.l_pid = 0;
        ofd = outcome(fcntl(fd, F_OFD_SETLK, &lock));
        say("%s: flock %s, fcntl %s, OFD %s", name, whole, posix, ofd);
        lock = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
        NEED(fcntl(fd, F_GETLK, &lock) == 0);
        say("%s: held %d from %ld, %ld bytes, by the parent %d", name, lock.l_type == F_WRLCK, (long)lock.l_start, (long)lock.l_len,
            lock.l_type != F_UNLCK && lock.l_pid == getppid());
        _exit(0);
    }
    NEED(!strcmp(wait_text(child), "exit 0"));
}

int main(void)
{
    int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 8};
    NEED(fd >= 0);
    try("free");
    NEED(flock(fd, LOCK_EX) == 0);
    try("flock");
    NEED(flock(fd, LOCK_UN) == 0);
    NEED(fcntl(fd, F_SETLK, &lock) == 0);
    try("fcntl");
    close(open("file", O_RDONLY)); /* closing any descriptor of the file releases it */
    try("closed another");
    lock.l_pid = 0;
    NEED(fcntl(fd, F_OFD_SETLK, &lock) == 0);
    try("OFD");
    close(open("file", O_RDONLY));
    try("OFD stays");
    int ends[2];
    NEED(pipe(ends) == 0);
    pid_t child = fork(); /* shares the open file, and so the lock */
    NEED(child >= 0);
    if (!child) {
        int other = open("file", O_RDWR);
        struct flock wait = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
        close(fd);
        NEED(write(ends[1], "x", 1) == 1);
        NEED(fcntl(other, F_SETLKW, &wait) == 0);
        say("waited for it");
        _exit(0);
    }
    char byte;
    NEED(read(ends[0], &byte, 1) == 1);
    pause_ms(40);
    say("release");
    close(fd);
    say("%s", wait_text(child));
    return 0;
}
