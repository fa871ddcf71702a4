/* Children by vfork and exec, by posix_spawn, and by posix_spawn of what does not exist; then what waitpid says of each. */
#define _GNU_SOURCE
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void report(const char *how, pid_t pid)
{
    int status;
    if (waitpid(pid, &status, 0) != pid)
        puts("waitpid failed");
    printf("%s: exited %d status %d\n", how, WIFEXITED(status), WEXITSTATUS(status));
    fflush(stdout);
}

int main(void)
{
    char *command[] = {"sh", "-c", "echo child; exit 7", NULL}, *missing[] = {"missing", NULL};
    pid_t pid = vfork();
    if (pid == 0) {
        execv("/bin/sh", command);
        _exit(127);
    }
    report("vfork", pid);
    if (posix_spawnp(&pid, "sh", NULL, NULL, command, environ) == 0)
        report("posix_spawn", pid);
    printf("missing: %s\n", strerror(posix_spawn(&pid, "/nonexistent", NULL, NULL, missing, environ)));
    return 0;
}
