/* Sockets for --strace's tests: calls made by number, so that every architecture makes the same, between two calls of getpgid(4321). */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

static char buffer[256];

static void addresses(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(8080), .sin_addr = {htonl(0x7f000001)}};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(53), .sin6_addr = {{{0x20, 1, 0xd, 0xb8, [15] = 1}}}};
    struct sockaddr_un un = {AF_UNIX, "a path"}, abstract = {AF_UNIX, "\0abs"};
    struct sockaddr_nl nl = {.nl_family = AF_NETLINK, .nl_pid = 12, .nl_groups = 3};
    syscall(SYS_bind, 99, &in, sizeof in);
    syscall(SYS_connect, 99, &in6, sizeof in6);
    syscall(SYS_connect, 99, &un, sizeof un);
    syscall(SYS_connect, 99, &un, offsetof(struct sockaddr_un, sun_path) + 3);
    syscall(SYS_connect, 99, &abstract, offsetof(struct sockaddr_un, sun_path) + 4);
    syscall(SYS_connect, 99, &nl, sizeof nl);
    syscall(SYS_connect, 99, &in, 5);
    syscall(SYS_connect, 99, &in, 2);
    syscall(SYS_connect, 99, 0, 16);
    syscall(SYS_connect, 99, &(struct sockaddr){77, "other"}, 16);
    syscall(SYS_socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP);
    syscall(SYS_socket, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    syscall(SYS_socket, AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    syscall(SYS_socket, 77, 77, 77);
    syscall(SYS_socketpair, AF_INET, SOCK_STREAM, 0, buffer);
}

static void stream(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(0x7f000001)}};
    socklen_t length = sizeof in;
    int fd = syscall(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    syscall(SYS_setsockopt, fd, SOL_TCP, TCP_NODELAY, &one, sizeof one);
    syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 5}, sizeof(struct linger));
    syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){3, 4}, sizeof(struct timeval));
    syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3);
    syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_KEEPALIVE, 0, 4);
    length = sizeof one;
    syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, &one, &length);
    syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_ERROR, &one, &length);
    struct linger linger;
    length = sizeof linger;
    syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_LINGER, &linger, &length);
    length = 2;
    syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_ERROR, &one, &length);
    syscall(SYS_getsockopt, 99, SOL_SOCKET, SO_ERROR, &one, &length);
    length = sizeof in;
    syscall(SYS_bind, fd, &in, length);
    syscall(SYS_listen, fd, 5);
    syscall(SYS_getsockname, fd, &in, &length);
    int client = syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
    syscall(SYS_connect, client, &in, length);
    struct sockaddr_storage peer;
    length = sizeof peer;
    int server = syscall(SYS_accept4, fd, &peer, &length, SOCK_CLOEXEC);
    length = sizeof peer;
    syscall(SYS_getpeername, server, &peer, &length);
    syscall(SYS_getpeername, fd, &peer, &length);
    syscall(SYS_sendto, client, "data", 4L, MSG_NOSIGNAL, 0, 0);
    syscall(SYS_recvfrom, server, buffer, 100L, MSG_DONTWAIT, 0, 0);
    syscall(SYS_recvfrom, server, buffer, 100L, MSG_DONTWAIT | MSG_PEEK, 0, 0);
    syscall(SYS_shutdown, client, SHUT_RDWR);
    syscall(SYS_accept, 99, 0, 0);
}

static void datagrams(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(0x7f000001)}}, from;
    socklen_t length = sizeof in;
    int fd = syscall(SYS_socket, AF_INET, SOCK_DGRAM, IPPROTO_UDP);
    syscall(SYS_bind, fd, &in, length);
    syscall(SYS_getsockname, fd, &in, &length);
    syscall(SYS_sendto, fd, "datagram", 8L, 0, &in, length);
    length = 100;
    syscall(SYS_recvfrom, fd, buffer, 100L, 0, &from, &length);
    struct iovec vector[2] = {{"one", 3}, {"two", 3}}, into = {buffer, 100};
    struct msghdr message = {.msg_name = &in, .msg_namelen = sizeof in, .msg_iov = vector, .msg_iovlen = 2};
    syscall(SYS_sendmsg, fd, &message, 0);
    message.msg_name = &from;
    message.msg_iov = &into;
    message.msg_iovlen = 1;
    syscall(SYS_recvmsg, fd, &message, 0);
    syscall(SYS_recvmsg, fd, &message, MSG_DONTWAIT);
    syscall(SYS_sendmsg, 99, &message, MSG_DONTWAIT);
}

static void unix_sockets(void)
{
    int pair[2];
    syscall(SYS_socketpair, AF_UNIX, SOCK_DGRAM, 0, pair);
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {{.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    memcpy(CMSG_DATA(&control.header), &(int){2}, sizeof(int));
    struct iovec vector = {"rights", 6};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    syscall(SYS_sendmsg, pair[0], &message, 0);
    vector.iov_base = buffer;
    syscall(SYS_recvmsg, pair[1], &message, 0x40000000);
    struct sockaddr_un name;
    socklen_t length = sizeof name;
    syscall(SYS_getsockname, pair[0], &name, &length);
    struct iovec parts[2] = {{"m1", 2}, {"m2-longer", 9}};
    struct mmsghdr several[2] = {{{.msg_iov = parts, .msg_iovlen = 1}, 0}, {{.msg_iov = parts + 1, .msg_iovlen = 1}, 0}};
    syscall(SYS_sendmmsg, pair[0], several, 2, 0);
    parts[0].iov_base = buffer;
    parts[1].iov_base = buffer + 16;
    syscall(SYS_recvmmsg, pair[1], several, 2, MSG_DONTWAIT, 0);
    syscall(SYS_recvmmsg, pair[1], several, 2, MSG_DONTWAIT, 0);
    syscall(SYS_getsockopt, pair[0], SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){0, 0}, &(socklen_t){16});
}

int main(void)
{
    syscall(SYS_getpgid, 4321);
    addresses();
    stream();
    datagrams();
    unix_sockets();
    syscall(SYS_getpgid, 4321);
    return 0;
}
