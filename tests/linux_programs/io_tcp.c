/* TCP over the loopback interface: connections, partial reads, ends, refusals. */
#include "io.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

static void name(const char *what, int fd, int (*get)(int, struct sockaddr *, socklen_t *), int port)
{
    struct sockaddr_in place = {0};
    socklen_t size = sizeof place;
    int got = get(fd, (struct sockaddr *)&place, &size);
    SHOW("%s %d: family %d %s, port %d, %d bytes", what, got, place.sin_family, inet_ntoa(place.sin_addr), ntohs(place.sin_port) == port, size);
}

int main(void)
{
    char buffer[64] = "";
    static struct sockaddr_in place = {.sin_family = AF_INET}, peer; /* far from the end of the address space */
    socklen_t size = sizeof place;
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    signal(SIGPIPE, SIG_IGN);
    int listener = TELL(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    TELL(bind(listener, (struct sockaddr *)&place, sizeof place));
    TELL(accept(listener, 0, 0));
    TELL(listen(listener, 5));
    TELL(getsockname(listener, (struct sockaddr *)&place, &size));
    int port = ntohs(place.sin_port);
    SHOW("%d", port > 0);
    int client = TELL(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    long connected = connect(client, (struct sockaddr *)&place, sizeof place);
    SHOW("%d", connected == 0 || errno == EINPROGRESS);
    struct pollfd one = {client, POLLOUT, 0};
    TELL(poll(&one, 1, 5000));
    int error = -1;
    size = sizeof error;
    TELL(getsockopt(client, SOL_SOCKET, SO_ERROR, &error, &size));
    SHOW("error %d in %d bytes", error, size);
    size = 6;
    memset(&peer, 0x55, sizeof peer);
    int server = TELL(accept4(listener, (struct sockaddr *)&peer, &size, SOCK_CLOEXEC));
    SHOW("%d bytes, %#x", size, peer.sin_addr.s_addr & 0xffff0000);
    TELL(fcntl(server, F_GETFD));
    name("server is", server, getsockname, port);
    name("client sees", client, getpeername, port);
    name("listener sees", listener, getpeername, port);
    TELL(recv(client, buffer, 8, 0));
    TELL(send(server, "hello, world", 12, 0));
    TELL(poll(&(struct pollfd){client, POLLIN, 0}, 1, 5000));
    int bytes = 0;
    TELL(ioctl(client, FIONREAD, &bytes));
    SHOW("%d bytes", bytes);
    TELL(recv(client, buffer, 5, MSG_PEEK));
    TELL(recv(client, buffer, 5, 0));
    SHOW("%s", buffer);
    TELL(read(client, buffer, 60));
    SHOW("%s", buffer);
    size = sizeof peer;
    TELL(write(client, "x", 1));
    TELL(recvfrom(server, buffer, 4, 0, (struct sockaddr *)&peer, &size));
    SHOW("%d bytes of name", size);
    int on = 1;
    TELL(setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    TELL(send(client, "!", 1, MSG_OOB));
    TELL(poll(&(struct pollfd){server, POLLPRI, 0}, 1, 5000));
    TELL(ioctl(server, SIOCATMARK, &bytes));
    SHOW("%d", bytes);
    TELL(recv(server, buffer, 1, MSG_OOB));
    SHOW("%c", buffer[0]);
    struct iovec parts[2] = {{"ab", 2}, {"cd", 2}}, into[2] = {{buffer, 3}, {buffer + 10, 4}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    TELL(sendmsg(client, &message, MSG_NOSIGNAL));
    message.msg_iov = into;
    TELL(recvmsg(server, &message, 0));
    SHOW("%.3s %.1s", buffer, buffer + 10);
    TELL(shutdown(client, SHUT_WR));
    TELL(read(server, buffer, 4));
    TELL(close(server));
    TELL(poll(&(struct pollfd){client, POLLIN | POLLRDHUP, 0}, 1, 5000));
    TELL(read(client, buffer, 4));
    TELL(send(client, "x", 1, 0));
    TELL(close(listener));
    client = socket(AF_INET, SOCK_STREAM, 0);
    TELL(connect(client, (struct sockaddr *)&place, sizeof place));
    place.sin_family = 77;
    TELL(connect(client, (struct sockaddr *)&place, sizeof place));
    TELL(connect(client, (struct sockaddr *)&place, 4));
    TELL(connect(client, NOWHERE, 16));
    TELL(connect(client, (struct sockaddr *)&place, 200));
    TELL(bind(client, (struct sockaddr *)&place, -1));
    TELL(bind(client, 0, 16));
    TELL(getsockname(client, NOWHERE, &size));
    TELL(getsockname(client, (struct sockaddr *)&peer, NOWHERE));
    size = -1;
    TELL(getsockname(client, (struct sockaddr *)&peer, &size));
    TELL(bind(0, (struct sockaddr *)&place, 16));
    TELL(bind(555, (struct sockaddr *)&place, 16));
    TELL(socket(AF_INET, 99, 0));
    TELL(socket(-1, SOCK_STREAM, 0));
    return 0;
}
