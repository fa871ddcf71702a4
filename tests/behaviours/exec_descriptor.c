/* fexecve: execveat of a descriptor, also of one that is closed on exec. */
#include "behaviour.h"

extern char **environ;

int main(int count, char **arguments)
{
    if (count > 1) {
        say("%s: %s", arguments[1], outcome(fcntl(atoi(arguments[2]), F_GETFD)));
        return 6;
    }
    char number[16];
    for (int closed = 0; closed < 2; closed++) {
        pid_t child = fork();
        NEED(child >= 0);
        if (!child) {
            int fd = open("/proc/self/exe", O_RDONLY | (closed ? O_CLOEXEC : 0));
            NEED(fd >= 0);
            snprintf(number, sizeof number, "%d", fd);
            char *list[] = {"self", closed ? "closed" : "open", number, NULL};
            syscall(SYS_execveat, fd, "", list, environ, AT_EMPTY_PATH);
            say("%s", error_name(errno));
            _exit(1);
        }
        say("%s", wait_text(child));
    }
    char *list[] = {"self", NULL};
    say("bad descriptor: %s", outcome(syscall(SYS_execveat, 999, "", list, environ, AT_EMPTY_PATH)));
    say("no name: %s", outcome(syscall(SYS_execveat, 0, "", list, environ, 0)));
    return 0;
}
