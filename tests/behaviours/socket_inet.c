/* TCP and UDP over loopback between two processes: connect, accept, shutdown, refused, addresses, non-blocking connect. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "behaviour.h"

int main(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, peer;
    socklen_t size = sizeof address;
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    NEED(server >= 0 && bind(server, (struct sockaddr *)&address, sizeof address) == 0 && listen(server, 5) == 0);
    NEED(getsockname(server, (struct sockaddr *)&address, &size) == 0);
    say("port %d, size %d", address.sin_port != 0, (int)size);
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        NEED(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
        NEED(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
        static char block[200000];
        for (size_t i = 0; i < sizeof block; i++)
            block[i] = (char)(i * 7);
        for (size_t sent = 0; sent < sizeof block;) {
            ssize_t got = send(fd, block + sent, sizeof block - sent, MSG_NOSIGNAL);
            NEED(got > 0);
            sent += (size_t)got;
        }
        NEED(shutdown(fd, SHUT_WR) == 0);
        char reply[16] = "";
        NEED(recv(fd, reply, sizeof reply, MSG_WAITALL) >= 0);
        say("reply %s", reply);
        _exit(0);
    }
    int fd = accept(server, (struct sockaddr *)&peer, &size);
    NEED(fd >= 0);
    say("peer is on loopback %d", peer.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
    static char buffer[4096];
    size_t total = 0, wrong = 0;
    for (ssize_t got; (got = read(fd, buffer, sizeof buffer)) > 0; total += (size_t)got)
        for (ssize_t i = 0; i < got; i++)
            wrong += buffer[i] != (char)((total + (size_t)i) * 7);
    say("received %zu, wrong %zu", total, wrong);
    NEED(send(fd, "thanks", 6, 0) == 6);
    close(fd);
    say("%s", wait_text(child));
    close(server);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int result = connect(fd, (struct sockaddr *)&address, sizeof address), error = 0;
    say("refused later or at once %d", result < 0 && (errno == EINPROGRESS || errno == ECONNREFUSED));
    struct pollfd poller = {.fd = fd, .events = POLLOUT};
    poll(&poller, 1, 1000);
    size = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    say("error %d", error == ECONNREFUSED || errno == ECONNREFUSED);
    int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0);
    address.sin_port = 0;
    size = sizeof address;
    NEED(bind(a, (struct sockaddr *)&address, sizeof address) == 0 && getsockname(a, (struct sockaddr *)&address, &size) == 0);
    NEED(sendto(b, "datagram", 8, 0, (struct sockaddr *)&address, sizeof address) == 8);
    say("udp %zd", recv(a, buffer, 3, MSG_TRUNC));
    return 0;
}
