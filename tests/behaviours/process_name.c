/* The process's name: the program's at first, set by prctl, inherited by fork, seen by others in /proc. */
#include <sys/prctl.h>

#include "behaviour.h"

int main(int count, char **arguments)
{
    char name[17] = "", path[64], text[256] = "", *base = strrchr(arguments[0], '/');
    (void)count;
    prctl(PR_GET_NAME, name);
    say("program's %d", !strncmp(name, base ? base + 1 : arguments[0], 15));
    prctl(PR_SET_NAME, "new name");
    int ends[2];
    NEED(pipe(ends) == 0);
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        char byte;
        close(ends[1]);
        prctl(PR_GET_NAME, name);
        say("inherited %s", name);
        prctl(PR_SET_NAME, "child (of) it");
        say("set");
        NEED(read(ends[0], &byte, 1) >= 0);
        _exit(0);
    }
    snprintf(path, sizeof path, "/proc/%d/stat", child);
    for (int tries = 0; tries < 500 && !strstr(text, "child (of)"); tries++) {
        pause_ms(5);
        int fd = open(path, O_RDONLY);
        NEED(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
        close(fd);
    }
    char *begin = strchr(text, '('), *end = strrchr(text, ')');
    say("stat: %.*s", begin && end ? (int)(end - begin + 1) : 0, begin ? begin : "");
    close(ends[1]);
    say("%s", wait_text(child));
    return 0;
}
