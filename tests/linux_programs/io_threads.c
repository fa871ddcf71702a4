/* Threads that wait for each other through descriptors: one waits in epoll, accept, recvmsg or poll while the other goes on. */
#include "io.h"
#include <netinet/in.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

static char seen[2][64];
static int pair[2], event, listener;
static struct sockaddr_in place = {.sin_family = AF_INET};

static void *other(void *unused)
{
    char bytes[16] = "";
    struct iovec part = {bytes, 16};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    long got = recvmsg(pair[1], &message, 0);
    sprintf(seen[0], "%ld %s", got, bytes);
    eventfd_write(event, 5);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    connect(client, (struct sockaddr *)&place, sizeof place);
    got = recvfrom(client, bytes, 16, 0, 0, 0);
    sprintf(seen[1], "%ld %s", got, bytes);
    close(client);
    return unused;
}

int main(void)
{
    pthread_t thread;
    socklen_t size = sizeof place;
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    event = eventfd(0, 0);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    listen(listener, 1);
    getsockname(listener, (struct sockaddr *)&place, &size);
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    pthread_create(&thread, 0, other, 0);
    nanosleep(&(struct timespec){0, 20000000}, 0);
    TELL(send(pair[0], "hello", 5, 0));
    int set = epoll_create1(0);
    struct epoll_event wanted = {.events = EPOLLIN, .data.u64 = 1ull << 40}, got;
    epoll_ctl(set, EPOLL_CTL_ADD, event, &wanted);
    TELL(epoll_wait(set, &got, 1, 10000));
    SHOW("%d", got.data.u64 == 1ull << 40);
    int server = accept(listener, 0, 0);
    nanosleep(&(struct timespec){0, 20000000}, 0);
    TELL(sendto(server, "bye", 3, 0, 0, 0));
    pthread_join(thread, 0);
    SHOW("the other got %s, %s", seen[0], seen[1]);
    struct pollfd one = {server, POLLIN, 0};
    TELL(poll(&one, 1, 10000));
    TELL(recv(server, &size, 1, 0));
    return 0;
}
