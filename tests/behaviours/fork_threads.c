/* fork in a program with threads: the child has the one that forked, its handlers (pthread_atfork) run, and it can make threads of its own. */
#include <dirent.h>

#include "behaviour.h"

static void before(void)
{
    say("prepare");
}

static void after_parent(void)
{
    pause_ms(40);
    say("parent");
}

static void after_child(void)
{
    say("child");
}

static void *idle(void *argument)
{
    for (;;)
        pause();
    return argument;
}

static void *forks(void *argument)
{
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        int count = 0;
        DIR *folder = opendir("/proc/self/task");
        for (struct dirent *entry; (entry = readdir(folder));)
            count += entry->d_name[0] != '.';
        closedir(folder);
        pthread_t thread;
        NEED(pthread_create(&thread, NULL, idle, NULL) == 0);
        pthread_cancel(thread);
        pthread_join(thread, NULL);
        _exit(count);
    }
    say("%s", wait_text(child));
    return argument;
}

int main(void)
{
    pthread_t threads[3], forker;
    pthread_atfork(before, after_parent, after_child);
    for (int i = 0; i < 3; i++)
        NEED(pthread_create(&threads[i], NULL, idle, NULL) == 0);
    NEED(pthread_create(&forker, NULL, forks, NULL) == 0);
    pthread_join(forker, NULL);
    return 0;
}
