/* execve closes the descriptors that are marked for it, and no others. */
#include "behaviour.h"

int main(int count, char **arguments)
{
    if (count > 1) {
        for (int i = 20; i < 26; i++)
            say("%d: %s", i, outcome(fcntl(i, F_GETFD)));
        char text[8] = "";
        ssize_t size = read(20, text, 2);
        say("offset kept: %zd %s", size, text);
        return 0;
    }
    int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600), ends[2];
    NEED(fd >= 0 && write(fd, "abcdef", 6) == 6 && lseek(fd, 2, SEEK_SET) == 2);
    NEED(dup2(fd, 20) == 20);
    NEED(dup3(fd, 21, O_CLOEXEC) == 21);
    NEED(fcntl(fd, F_DUPFD_CLOEXEC, 22) == 22);
    NEED(dup2(21, 23) == 23); /* the mark is not duplicated */
    NEED(pipe2(ends, O_CLOEXEC) == 0 && dup3(ends[0], 24, O_CLOEXEC) == 24);
    NEED(fcntl(24, F_SETFD, 0) == 0);
    NEED(dup2(fd, 25) == 25 && fcntl(25, F_SETFD, FD_CLOEXEC) == 0);
    char *list[] = {arguments[0], "again", NULL};
    execv("/proc/self/exe", list);
    return 1;
}
