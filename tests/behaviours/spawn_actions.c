/* posix_spawn's file actions: dup2, close, open, and an error of one of them. */
#include <spawn.h>

#include "behaviour.h"

extern char **environ;

int main(int count, char **arguments)
{
    if (count > 1) {
        char text[32] = "";
        ssize_t size = read(0, text, sizeof text - 1);
        say("child read %zd: %s", size, text);
        say("7: %s", outcome(fcntl(7, F_GETFD)));
        NEED(write(9, "written", 7) == 7);
        return atoi(arguments[1]);
    }
    int ends[2], in[2];
    pid_t child;
    NEED(pipe(ends) == 0 && pipe(in) == 0);
    NEED(write(in[1], "input", 5) == 5);
    close(in[1]);
    NEED(dup2(1, 7) == 7);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addclose(&actions, 7);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addopen(&actions, 9, "made", O_WRONLY | O_CREAT, 0600);
    char *list[] = {"self", "33", NULL};
    NEED(posix_spawn(&child, "/proc/self/exe", &actions, NULL, list, environ) == 0);
    close(ends[1]);
    char text[200] = "";
    size_t used = 0;
    for (ssize_t got; (got = read(ends[0], text + used, sizeof text - 1 - used)) > 0;)
        used += (size_t)got;
    say("%s%s", text, wait_text(child));
    struct stat status;
    NEED(stat("made", &status) == 0);
    say("made: %ld", (long)status.st_size);
    posix_spawn_file_actions_addopen(&actions, 10, "/does/not/exist", O_RDONLY, 0);
    say("bad action: %s", error_name(posix_spawn(&child, "/proc/self/exe", &actions, NULL, list, environ)));
    return 0;
}
