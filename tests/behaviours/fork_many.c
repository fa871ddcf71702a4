/* 500 times fork and exit: every status arrives, no zombie and no descriptor is left. */
#include <dirent.h>

#include "behaviour.h"

static int descriptors(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    NEED(folder);
    for (struct dirent *entry; (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

int main(void)
{
    int wrong = 0, before = descriptors();
    for (int i = 0; i < 500; i++) {
        int status;
        pid_t child = fork();
        NEED(child >= 0);
        if (!child)
            _exit(i & 127);
        NEED(waitpid(child, &status, 0) == child);
        wrong += !WIFEXITED(status) || WEXITSTATUS(status) != (i & 127);
    }
    say("wrong %d, children left: %s, descriptors more %d", wrong, outcome(waitpid(-1, NULL, WNOHANG)), descriptors() - before);
    return 0;
}
