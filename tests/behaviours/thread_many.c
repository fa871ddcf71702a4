/* 300 threads one after another, then 60 at once: each number is a thread of this process, and afterwards only the first thread is there. */
#include <dirent.h>

#include "behaviour.h"

static pthread_barrier_t all;

static void *short_lived(void *argument)
{
    return argument;
}

static void *together(void *argument)
{
    pthread_barrier_wait(&all);
    return argument;
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
    pthread_t threads[60];
    for (int i = 0; i < 300; i++) {
        NEED(pthread_create(&threads[0], NULL, short_lived, NULL) == 0);
        NEED(pthread_join(threads[0], NULL) == 0);
    }
    for (int tries = 0; tasks() > 1 && tries < 200; tries++)
        pause_ms(10);
    say("after 300: %d", tasks());
    pthread_barrier_init(&all, NULL, 61);
    for (int i = 0; i < 60; i++)
        NEED(pthread_create(&threads[i], NULL, together, NULL) == 0);
    say("with 60: %d", tasks());
    pthread_barrier_wait(&all);
    for (int i = 0; i < 60; i++)
        NEED(pthread_join(threads[i], NULL) == 0);
    for (int tries = 0; tasks() > 1 && tries < 200; tries++)
        pause_ms(10);
    say("after 60: %d", tasks());
    return 0;
}
