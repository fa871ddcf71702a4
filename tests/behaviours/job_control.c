/* A terminal of its own: a background job that reads is stopped by SIGTTIN, one that sets the terminal by SIGTTOU; in the foreground it goes on;
 * Ctrl-C and Ctrl-Z go to the foreground group; the end of the leader hangs it up. */
#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "behaviour.h"

static pid_t job(int kind)
{
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        char text[32] = "";
        setpgid(0, 0);
        struct termios settings;
        tcgetattr(0, &settings);
        if (kind == 0) {
            ssize_t got = read(0, text, sizeof text - 1);
            _exit(got > 0 && !strcmp(text, "hello\n") ? 10 : 11);
        }
        if (kind == 1)
            _exit(tcsetattr(0, TCSANOW, &settings) == 0 ? 20 : 21);
        for (;;)
            pause();
    }
    setpgid(child, child);
    return child;
}

static const char *next(pid_t child)
{
    int status;
    NEED(waitpid(child, &status, WUNTRACED | WCONTINUED) == child);
    return status_text(status);
}

static int session(int terminal, int out)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    NEED(setsid() == getpid());
    NEED(ioctl(terminal, TIOCSCTTY, 0) == 0);
    dup2(terminal, 0);
    dup2(out, 1);
    sigaction(SIGTTOU, &ignore, NULL);
    say("foreground is its own: %d, %d", tcgetpgrp(0) == getpid(), tcgetsid(0) == getpid());
    struct sigaction normal = {.sa_handler = SIG_DFL};
    for (int kind = 0; kind < 2; kind++) {
        sigaction(SIGTTOU, &normal, NULL);
        pid_t child = job(kind);
        sigaction(SIGTTOU, &ignore, NULL);
        say("background: %s", next(child));
        NEED(tcsetpgrp(0, child) == 0);
        kill(-child, SIGCONT);
        const char *end;
        while (!strcmp(end = next(child), "continued")) /* told only if it has not ended by then */
            ;
        say("foreground: %s", end);
        NEED(tcsetpgrp(0, getpid()) == 0);
    }
    pid_t child = job(2);
    NEED(tcsetpgrp(0, child) == 0);
    NEED(write(out, "ctrl-z\n", 7) == 7);
    say("%s", next(child));
    kill(child, SIGCONT);
    say("%s", next(child));
    NEED(write(out, "ctrl-c\n", 7) == 7);
    say("%s", next(child));
    say("no such group: %s", outcome(tcsetpgrp(0, 0x3fffffff)));
    return 30;
}

int main(void)
{
    int master, terminal, ends[2];
    char line[4096];
    NEED(openpty(&master, &terminal, NULL, NULL, NULL) == 0 && pipe(ends) == 0);
    say("terminal %d, pipe %s", isatty(terminal), isatty(ends[0]) ? "ok" : error_name(errno));
    NEED(write(master, "hello\n", 6) == 6);
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        close(master);
        close(ends[0]);
        _exit(session(terminal, ends[1]));
    }
    close(terminal);
    close(ends[1]);
    FILE *lines = fdopen(ends[0], "r");
    while (fgets(line, sizeof line, lines)) {
        if (!strcmp(line, "ctrl-z\n"))
            NEED(write(master, "\x1a", 1) == 1);
        else if (!strcmp(line, "ctrl-c\n"))
            NEED(write(master, "\x03", 1) == 1);
        else
            say("%s", strtok(line, "\n"));
    }
    say("%s", wait_text(child));
    return 0;
}
