/* Threads have the process's number and numbers of their own; a process's first thread has the process's. */
#include "behaviour.h"

static pid_t numbers[2];

static void *run(void *argument)
{
    numbers[(long)argument] = thread_id();
    say("same process: %d, own number: %d, own group: %d", getpid() == *(volatile pid_t *)&numbers[0] || getpid() != thread_id(), getpid() != thread_id(),
        getpgrp() == getpgid(0));
    return NULL;
}

int main(void)
{
    pthread_t thread;
    say("first: %d", getpid() == thread_id());
    numbers[0] = thread_id();
    NEED(pthread_create(&thread, NULL, run, (void *)1) == 0);
    NEED(pthread_join(thread, NULL) == 0);
    say("different: %d", numbers[0] != numbers[1]);
    say("signal 0 to itself: %s", outcome(syscall(SYS_tgkill, getpid(), thread_id(), 0)));
    for (int tries = 0; syscall(SYS_tgkill, getpid(), numbers[1], 0) == 0 && tries < 200; tries++)
        pause_ms(5); /* joined a moment before it is gone */
    say("to one that is gone: %s", outcome(syscall(SYS_tgkill, getpid(), numbers[1], 0)));
    say("to nobody: %s", outcome(syscall(SYS_tgkill, -1, 1, 0)));
    return 0;
}
