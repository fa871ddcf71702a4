/* POSIX semaphores, within a process and between two. */
#include <semaphore.h>

#include "behaviour.h"

int main(void)
{
    sem_t *sems = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    NEED(sems != MAP_FAILED);
    NEED(sem_init(&sems[0], 1, 0) == 0 && sem_init(&sems[1], 1, 0) == 0);
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        for (int i = 0; i < 200; i++) {
            sem_wait(&sems[0]);
            sem_post(&sems[1]);
        }
        _exit(5);
    }
    for (int i = 0; i < 200; i++) {
        sem_post(&sems[0]);
        sem_wait(&sems[1]);
    }
    say("200 rounds, %s", wait_text(child));
    int value;
    sem_getvalue(&sems[0], &value);
    say("value %d", value);
    say("try: %s", outcome(sem_trywait(&sems[0])));
    struct timespec soon;
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_nsec += 20000000;
    soon.tv_sec += soon.tv_nsec / 1000000000;
    soon.tv_nsec %= 1000000000;
    say("timed: %s", outcome(sem_timedwait(&sems[0], &soon)));
    return 0;
}
