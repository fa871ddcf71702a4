/* execve of a program of the machine itself, /bin/echo and a shell: its output and its status come through. */
#include "behaviour.h"

int main(void)
{
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        execl("/bin/echo", "echo", "from", "echo", (char *)NULL);
        _exit(127);
    }
    say("%s", wait_text(child));
    char *variables[] = {"NAME=value", "PATH=/usr/bin:/bin", NULL}, *list[] = {"sh", "-c", "echo $NAME $#; kill -TERM $$", NULL};
    child = fork();
    NEED(child >= 0);
    if (!child) {
        execve("/bin/sh", list, variables);
        _exit(127);
    }
    say("%s", wait_text(child));
    FILE *pipe = popen("cat | wc -c", "w");
    NEED(pipe);
    fputs("12345", pipe);
    say("%s", status_text(pclose(pipe)));
    say("system: %s", status_text(system("exit 44")));
    return 0;
}
