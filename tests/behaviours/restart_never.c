/* poll, select, epoll_wait, nanosleep, pause, semop, msgrcv and a socket with a time limit give EINTR even with SA_RESTART. */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>

#include "behaviour.h"

static void handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info, (void)context;
}

int main(void)
{
    struct timespec longer = {5, 0}, left = {0, 0};
    struct timeval limit = {5, 0};
    int pair[2];
    char byte;
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    struct pollfd poller = {.fd = pair[0], .events = POLLIN};
    struct epoll_event event;
    int epoll = epoll_create1(0), sem = semget(IPC_PRIVATE, 1, 0600), queue = msgget(IPC_PRIVATE, 0600);
    NEED(epoll >= 0 && sem >= 0 && queue >= 0);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(pair[0], &set);
    catch_signal(SIGALRM, handler, SA_RESTART);
    tick(20);
    say("poll: %s", outcome(poll(&poller, 1, 5000)));
    say("select: %s", outcome(select(pair[0] + 1, &set, NULL, NULL, &limit)));
    say("epoll_wait: %s", outcome(epoll_wait(epoll, &event, 1, 5000)));
    say("nanosleep: %s", outcome(nanosleep(&longer, &left)));
    say("left: less %d, more than nothing %d", left.tv_sec < 5, left.tv_sec >= 4);
    say("clock_nanosleep: %s", error_name(clock_nanosleep(CLOCK_MONOTONIC, 0, &longer, &left)));
    say("pause: %s", outcome(pause()));
    struct sembuf down = {0, -1, 0};
    say("semop: %s", outcome(semop(sem, &down, 1)));
    struct {
        long type;
        char text[8];
    } message;
    say("msgrcv: %s", outcome(msgrcv(queue, &message, 8, 0, 0)));
    limit = (struct timeval){5, 0};
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    say("recv with a limit: %s", outcome(recv(pair[0], &byte, 1, 0)));
    tick(0);
    semctl(sem, 0, IPC_RMID);
    msgctl(queue, IPC_RMID, NULL);
    return 0;
}
