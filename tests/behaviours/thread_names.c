/* Names of threads: set by the thread or by another, read by prctl and from /proc. */
#include <sys/prctl.h>

#include "behaviour.h"

static volatile int ready, stop;
static volatile pid_t number;

static void *run(void *argument)
{
    char name[16] = "";
    prctl(PR_SET_NAME, "worker-with-a-long-name");
    prctl(PR_GET_NAME, name);
    say("own: %s", name);
    number = thread_id();
    ready = 1;
    while (!stop)
        pause_ms(5);
    prctl(PR_GET_NAME, name);
    say("later: %s", name);
    return argument;
}

int main(void)
{
    char path[64], name[32] = "";
    pthread_t thread;
    prctl(PR_SET_NAME, "first");
    NEED(pthread_create(&thread, NULL, run, NULL) == 0);
    while (!ready)
        sched_yield();
    snprintf(path, sizeof path, "/proc/self/task/%d/comm", number);
    int fd = open(path, O_RDWR);
    NEED(fd >= 0);
    NEED(read(fd, name, sizeof name - 1) > 0);
    say("comm: %s", strtok(name, "\n"));
    NEED(write(fd, "renamed", 7) == 7);
    stop = 1;
    pthread_join(thread, NULL);
    prctl(PR_GET_NAME, name);
    say("first's: %s", name);
    return 0;
}
