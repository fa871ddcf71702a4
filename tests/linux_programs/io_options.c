/* Options of sockets: numbers, structs, lengths, programs, and some that nobody knows. */
#include "io.h"
#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

static void get(int fd, int level, int option, socklen_t room)
{
    unsigned char value[256];
    memset(value, 0x55, sizeof value);
    socklen_t size = room;
    int got = getsockopt(fd, level, option, value, &size);
    printf("get %d %d: %d %s, %d bytes:", level, option, got, got ? strerror(errno) : "", (int)size);
    for (socklen_t i = 0; !got && i < size && i < 16; i++)
        printf(" %02x", value[i]);
    printf(" %s\n", value[room] == 0x55 ? "" : "too much");
}

int main(void)
{
    int tcp = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET6, SOCK_DGRAM, 0), local[2], on = 1, size = 65536;
    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, local);
    TELL(setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
    get(tcp, SOL_SOCKET, SO_REUSEADDR, 4);
    get(tcp, SOL_SOCKET, SO_REUSEADDR, 2);
    get(tcp, SOL_SOCKET, SO_REUSEADDR, 100);
    get(tcp, SOL_SOCKET, SO_REUSEADDR, 0);
    get(tcp, SOL_SOCKET, SO_TYPE, 4);
    get(udp, SOL_SOCKET, SO_DOMAIN, 4);
    get(local[0], SOL_SOCKET, SO_TYPE, 4);
    get(local[0], SOL_SOCKET, SO_PROTOCOL, 4);
    get(tcp, SOL_SOCKET, SO_ACCEPTCONN, 4);
    TELL(setsockopt(tcp, SOL_SOCKET, SO_SNDBUF, &size, sizeof size));
    get(tcp, SOL_SOCKET, SO_SNDBUF, 4);
    struct linger linger = {1, 7};
    TELL(setsockopt(tcp, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
    get(tcp, SOL_SOCKET, SO_LINGER, 8);
    struct timeval time = {3, 500000};
    TELL(setsockopt(tcp, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
    get(tcp, SOL_SOCKET, SO_RCVTIMEO, 16);
    TELL(setsockopt(tcp, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    get(tcp, IPPROTO_TCP, TCP_NODELAY, 4);
    TELL(setsockopt(tcp, IPPROTO_TCP, TCP_KEEPIDLE, &(int){50}, 4));
    get(tcp, IPPROTO_TCP, TCP_KEEPIDLE, 4);
    TELL(setsockopt(tcp, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
    get(tcp, IPPROTO_TCP, TCP_CONGESTION, 16);
    get(tcp, IPPROTO_IP, IP_TTL, 4);
    TELL(setsockopt(udp, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on));
    get(udp, IPPROTO_IPV6, IPV6_V6ONLY, 4);
    TELL(setsockopt(udp, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on));
    struct ip_mreqn group = {.imr_multiaddr.s_addr = inet_addr("224.0.0.251"), .imr_ifindex = 1};
    int udp4 = socket(AF_INET, SOCK_DGRAM, 0);
    TELL(setsockopt(udp4, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group));
    TELL(setsockopt(udp4, IPPROTO_IP, IP_MULTICAST_TTL, "\5", 1));
    get(udp4, IPPROTO_IP, IP_MULTICAST_TTL, 1);

    /* A program that lets all pass, and one that is no program. */
    struct sock_filter code[2] = {BPF_STMT(BPF_RET | BPF_K, 0xffffffff), BPF_STMT(BPF_RET | BPF_K, 0xffffffff)};
    struct sock_fprog program = {1, code};
    TELL(setsockopt(udp4, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program));
    get(udp4, SOL_SOCKET, SO_GET_FILTER, 0);
    get(udp4, SOL_SOCKET, SO_GET_FILTER, 1);
    get(udp4, SOL_SOCKET, SO_GET_FILTER, 16);
    TELL(setsockopt(udp4, SOL_SOCKET, SO_DETACH_FILTER, &on, sizeof on));
    code[0].code = 0xffff;
    TELL(setsockopt(udp4, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program));
    program.filter = NOWHERE;
    TELL(setsockopt(udp4, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program));
    TELL(setsockopt(udp4, SOL_SOCKET, SO_ATTACH_FILTER, &program, 15));
    TELL(setsockopt(udp4, SOL_SOCKET, SO_ATTACH_FILTER, NOWHERE, sizeof program));

    TELL(setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, NOWHERE, 4));
    TELL(setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &on, 2));
    TELL(setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &on, -1));
    TELL(setsockopt(tcp, SOL_SOCKET, 9999, &on, 4));
    TELL(setsockopt(0, SOL_SOCKET, SO_REUSEADDR, &on, 4));
    get(tcp, SOL_SOCKET, 9999, 4);
    TELL(setsockopt(tcp, 9999, 1, &on, 4));
    TELL(getsockopt(tcp, SOL_SOCKET, SO_TYPE, &on, NOWHERE));
    socklen_t room = 4;
    TELL(getsockopt(tcp, SOL_SOCKET, SO_TYPE, NOWHERE, &room));
    room = -1;
    TELL(getsockopt(tcp, SOL_SOCKET, SO_TYPE, &on, &room));
    TELL(getsockopt(555, SOL_SOCKET, SO_TYPE, &on, &room));
    return 0;
}
