/* posix_spawn of a program (this one again), its status; posix_spawnp looks in PATH; a missing one is an error of the call. */
#include <spawn.h>

#include "behaviour.h"

extern char **environ;

int main(int count, char **arguments)
{
    if (count > 1) {
        say("child: %d arguments, last %s", count, arguments[count - 1]);
        return 11;
    }
    pid_t child;
    char *list[] = {"self", "one", "two", NULL};
    NEED(posix_spawn(&child, "/proc/self/exe", NULL, NULL, list, environ) == 0);
    say("%s", wait_text(child));
    say("missing: %s", error_name(posix_spawn(&child, "/does/not/exist", NULL, NULL, list, environ)));
    say("missing in PATH: %s", error_name(posix_spawnp(&child, "does-not-exist-anywhere", NULL, NULL, list, environ)));
    say("a folder: %s", error_name(posix_spawn(&child, "/", NULL, NULL, list, environ)));
    int fd = open("text", O_WRONLY | O_CREAT, 0755);
    NEED(write(fd, "no program", 10) == 10);
    close(fd);
    say("no program: %s", error_name(posix_spawn(&child, "./text", NULL, NULL, list, environ)));
    say("children: %s", outcome(waitpid(-1, NULL, WNOHANG)));
    return 0;
}
