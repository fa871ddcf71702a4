/* POSIX message queues. */
#include "io.h"
#include <mqueue.h>

int main(void)
{
    char name[40], buffer[64] = "";
    unsigned priority = 0;
    struct mq_attr attributes = {.mq_maxmsg = 4, .mq_msgsize = 32}, seen, non = {.mq_flags = O_NONBLOCK};
    sprintf(name, "/miniload-io-%d", (int)getpid());
    mqd_t queue = TELL(mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &attributes));
    if (queue == -1)
        return 0;
    CHECK((int)mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &attributes));
    TELL(mq_send(queue, "low", 3, 1));
    TELL(mq_send(queue, "high", 4, 9));
    TELL(mq_getattr(queue, &seen));
    SHOW("%ld %ld %ld %ld", seen.mq_flags, seen.mq_maxmsg, seen.mq_msgsize, seen.mq_curmsgs);
    TELL(mq_receive(queue, buffer, 64, &priority));
    SHOW("%.4s %u", buffer, priority);
    TELL(mq_receive(queue, buffer, 10, &priority));
    TELL(mq_receive(queue, buffer, 64, 0));
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    TELL(mq_timedreceive(queue, buffer, 64, 0, &now));
    TELL(mq_setattr(queue, &non, 0));
    TELL(mq_receive(queue, buffer, 64, 0));
    TELL(mq_send(queue, buffer, 33, 0));
    TELL(mq_send(queue, buffer, 3, 99999999));
    TELL(syscall(SYS_mq_timedsend, queue, NOWHERE, 5, 0, 0));
    TELL(poll(&(struct pollfd){queue, POLLIN | POLLOUT, 0}, 1, 0));
    TELL(mq_unlink(name));
    CHECK(mq_unlink(name));
    TELL(mq_close(queue));
    return 0;
}
