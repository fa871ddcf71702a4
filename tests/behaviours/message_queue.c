/* POSIX message queues between processes: by priority, with a limit in time, polled, full, removed. */
#include <mqueue.h>

#include "behaviour.h"

int main(void)
{
    char name[64], text[64] = "";
    snprintf(name, sizeof name, "/miniload-behaviour-%d", getpid());
    struct mq_attr attributes = {.mq_maxmsg = 4, .mq_msgsize = 64}, now;
    mqd_t queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
    NEED(queue >= 0);
    say("again: %s", outcome(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes)));
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        NEED(mq_send(queue, "low", 4, 1) == 0 && mq_send(queue, "high", 5, 9) == 0 && mq_send(queue, "low too", 8, 1) == 0);
        _exit(0);
    }
    say("%s", wait_text(child));
    NEED(mq_getattr(queue, &now) == 0);
    say("waiting %ld of %ld, size %ld", now.mq_curmsgs, now.mq_maxmsg, now.mq_msgsize);
    for (int i = 0; i < 3; i++) {
        unsigned priority;
        ssize_t size = mq_receive(queue, text, sizeof text, &priority);
        say("%zd %s %u", size, text, priority);
    }
    struct timespec past = {1, 0};
    say("none: %s", outcome(mq_timedreceive(queue, text, sizeof text, NULL, &past)));
    say("no room for it: %s", outcome(mq_receive(queue, text, 10, NULL)));
    for (int i = 0; i < 4; i++)
        NEED(mq_send(queue, "x", 1, 0) == 0);
    say("full: %s", outcome(mq_timedsend(queue, "x", 1, 0, &past)));
    NEED(mq_unlink(name) == 0);
    say("gone: %s", outcome(mq_open(name, O_RDWR)));
    say("still usable: %zd", mq_receive(queue, text, sizeof text, NULL));
    return 0;
}
