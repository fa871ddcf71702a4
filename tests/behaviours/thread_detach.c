/* Detached threads, before and after they begin, end by themselves; none is left in /proc/self/task. */
#include <dirent.h>
#include <semaphore.h>

#include "behaviour.h"

static sem_t done;

static void *run(void *argument)
{
    if (argument)
        NEED(pthread_detach(pthread_self()) == 0);
    sem_post(&done);
    return NULL;
}

static int tasks(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/task");
    NEED(folder);
    for (struct dirent *entry; (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

int main(void)
{
    sem_init(&done, 0, 0);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    NEED(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0);
    for (int i = 0; i < 50; i++) {
        pthread_t thread;
        NEED(pthread_create(&thread, i % 2 ? &attributes : NULL, run, i % 2 ? NULL : &done) == 0);
        NEED(sem_wait(&done) == 0);
    }
    for (int tries = 0; tasks() > 1 && tries < 200; tries++)
        pause_ms(10);
    say("threads left: %d", tasks());
    return 0;
}
