/* execve from a thread that is not the first: the others are gone, and the program has the process's number. */
#include <dirent.h>

#include "behaviour.h"

static char *self;

static void *idle(void *argument)
{
    for (;;)
        pause();
    return argument;
}

static void *busy(void *argument)
{
    for (volatile long i = 0;; i++)
        ;
    return argument;
}

static void *execs(void *argument)
{
    char number[16];
    snprintf(number, sizeof number, "%d", getpid());
    pause_ms(30);
    char *list[] = {self, number, NULL};
    execv("/proc/self/exe", list);
    say("not executed: %s", error_name(errno));
    _exit(1);
    return argument;
}

int main(int count, char **arguments)
{
    if (count > 1) {
        int tasks = 0;
        DIR *folder = opendir("/proc/self/task");
        NEED(folder);
        for (struct dirent *entry; (entry = readdir(folder));)
            tasks += entry->d_name[0] != '.';
        say("same process %d, number of the first thread %d, threads %d", atoi(arguments[1]) == getpid(), thread_id() == getpid(), tasks);
        return 13;
    }
    pthread_t thread;
    self = arguments[0];
    NEED(pthread_create(&thread, NULL, idle, NULL) == 0);
    NEED(pthread_create(&thread, NULL, busy, NULL) == 0);
    NEED(pthread_create(&thread, NULL, execs, NULL) == 0);
    pthread_join(thread, NULL);
    return 1;
}
