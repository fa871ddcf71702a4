/* What is happened to from outside. The first argument says what it does meanwhile: it says "ready" first, and never ends by itself. */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static void ready(void)
{
    if (write(1, "ready\n", 6) != 6)
        _exit(99);
}

static void *compute(void *argument)
{
    for (volatile unsigned long i = 0;; i++)
        ;
    return argument;
}

static void *wait_for_ever(void *argument)
{
    sem_t never;
    sem_init(&never, 0, 0);
    for (;;)
        sem_wait(&never);
    return argument;
}

static void *sleep_for_ever(void *argument)
{
    for (;;)
        sleep(1000);
    return argument;
}

int main(int count, char **arguments)
{
    const char *which = count > 1 ? arguments[1] : "";
    if (!strcmp(which, "sleep")) {
        ready();
        sleep_for_ever(NULL);
    } else if (!strcmp(which, "threads")) {
        pthread_t thread;
        void *(*const runs[])(void *) = {compute, wait_for_ever, sleep_for_ever, compute};
        for (int i = 0; i < 4; i++)
            if (pthread_create(&thread, NULL, runs[i], NULL))
                return 99;
        ready();
        pthread_join(thread, NULL);
    } else if (!strcmp(which, "children")) {
        for (int i = 0; i < 3; i++)
            if (!fork()) {
                if (i)
                    compute(NULL);
                sleep_for_ever(NULL);
            }
        ready();
        while (wait(NULL) > 0)
            ;
    } else if (!strcmp(which, "raw")) { /* leaves the terminal as a program that is killed does */
        struct termios settings;
        tcgetattr(0, &settings);
        settings.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
        tcsetattr(0, TCSANOW, &settings);
        ready();
        compute(NULL);
    } else {
        ready();
        compute(NULL);
    }
    return 0;
}
