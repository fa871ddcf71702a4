/* execve from the first thread while others wait, compute and hold locks: they are gone. */
#include <dirent.h>

#include "behaviour.h"

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

int main(int count, char **arguments)
{
    if (count > 1) {
        int tasks = 0;
        DIR *folder = opendir("/proc/self/task");
        NEED(folder);
        for (struct dirent *entry; (entry = readdir(folder));)
            tasks += entry->d_name[0] != '.';
        say("%s: same process %d, threads %d", arguments[2], atoi(arguments[1]) == getpid(), tasks);
        pthread_t thread;
        NEED(pthread_create(&thread, NULL, idle, NULL) == 0);
        NEED(pthread_cancel(thread) == 0 && pthread_join(thread, NULL) == 0);
        if (*arguments[2] == '3')
            return 14;
    }
    pthread_t thread;
    char number[16], round[2] = {count > 1 ? (char)(*arguments[2] + 1) : '1', 0};
    snprintf(number, sizeof number, "%d", getpid());
    NEED(pthread_create(&thread, NULL, idle, NULL) == 0);
    NEED(pthread_create(&thread, NULL, busy, NULL) == 0);
    pause_ms(30);
    char *list[] = {arguments[0], number, round, NULL};
    execv("/proc/self/exe", list);
    return 1;
}
