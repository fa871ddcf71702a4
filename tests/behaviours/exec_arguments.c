/* execve hands on arguments and environment, empty ones and long ones; the process stays the same. */
#include "behaviour.h"

int main(int count, char **arguments, char **environment)
{
    if (count == 1) {
        static char longest[60000], number[32];
        memset(longest, 'x', sizeof longest - 1);
        snprintf(number, sizeof number, "PID=%d", getpid());
        char *list[] = {"name of its own", "", "two words", longest, "\xff\x01", NULL}, *variables[] = {"A=1", "EMPTY=", "no equals sign", number, NULL};
        execve("/proc/self/exe", list, variables);
        say("not executed: %s", error_name(errno));
        return 1;
    }
    for (int i = 0; i < count; i++)
        say("%d: %zu %.20s", i, strlen(arguments[i]), i == 4 ? "" : arguments[i]);
    int same = 0;
    for (int i = 0; environment[i]; i++)
        if (!strncmp(environment[i], "PID=", 4))
            same = atoi(environment[i] + 4) == getpid();
        else
            say("%s", environment[i]);
    say("same process %d, odd bytes %d", same, (unsigned char)arguments[4][0] == 255 && arguments[4][1] == 1);
    return 21;
}
