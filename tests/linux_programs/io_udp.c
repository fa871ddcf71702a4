/* UDP over the loopback interface: single messages, several with one call, what is cut off, packet information. */
#include "io.h"
#include <arpa/inet.h>
#include <netinet/in.h>

static struct sockaddr_in bound(int fd)
{
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof place;
    TELL(bind(fd, (struct sockaddr *)&place, sizeof place));
    TELL(getsockname(fd, (struct sockaddr *)&place, &size));
    return place;
}

int main(void)
{
    char buffer[64] = "", control[128];
    int a = TELL(socket(AF_INET, SOCK_DGRAM, 0)), b = TELL(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0));
    struct sockaddr_in at = bound(a), bt = bound(b), from = {0};
    socklen_t size = sizeof from;
    TELL(recvfrom(b, buffer, 64, 0, (struct sockaddr *)&from, &size));
    TELL(sendto(a, "datagram", 8, 0, (struct sockaddr *)&bt, sizeof bt));
    TELL(recvfrom(b, buffer, 4, MSG_TRUNC, (struct sockaddr *)&from, &size));
    SHOW("%.8s %d %d", buffer, size, from.sin_port == at.sin_port);
    TELL(sendto(a, "x", 1, 0, 0, 0));
    TELL(sendto(a, "x", 1, 0, (struct sockaddr *)&bt, 3));
    TELL(sendto(a, NOWHERE, 10, 0, (struct sockaddr *)&bt, sizeof bt));
    TELL(sendto(a, "x", 1, 0, NOWHERE, sizeof bt));
    TELL(connect(a, (struct sockaddr *)&bt, sizeof bt));
    TELL(send(a, "", 0, 0));
    TELL(recv(b, buffer, 4, 0));

    int on = 1;
    TELL(setsockopt(b, IPPROTO_IP, IP_PKTINFO, &on, sizeof on));
    TELL(send(a, "abcdef", 6, 0));
    struct iovec part = {buffer, 3};
    struct msghdr message = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    TELL(recvmsg(b, &message, 0));
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    SHOW("flags %#x, name %d, level %d, type %d, %d bytes", message.msg_flags, message.msg_namelen, head->cmsg_level, head->cmsg_type, (int)head->cmsg_len);
    SHOW("%s", inet_ntoa(((struct in_pktinfo *)CMSG_DATA(head))->ipi_addr));

    struct mmsghdr several[4] = {0};
    struct iovec parts[4];
    char texts[4][16] = {"first", "second", "third", ""};
    for (int i = 0; i < 4; i++) {
        parts[i] = (struct iovec){texts[i], strlen(texts[i])};
        several[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    TELL(syscall(SYS_sendmmsg, a, several, 3, 0));
    SHOW("%u %u %u", several[0].msg_len, several[1].msg_len, several[2].msg_len);
    memset(texts, 0, sizeof texts);
    for (int i = 0; i < 4; i++) {
        parts[i] = (struct iovec){texts[i], 5};
        several[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1, .msg_name = &from, .msg_namelen = sizeof from};
    }
    struct timespec time = {5, 0};
    TELL(syscall(SYS_recvmmsg, b, several, 4, 0, &time));
    for (int i = 0; i < 3; i++)
        SHOW("%s %u %#x %d", texts[i], several[i].msg_len, several[i].msg_hdr.msg_flags, several[i].msg_hdr.msg_namelen);
    SHOW("%d", time.tv_sec == 4);
    TELL(syscall(SYS_recvmmsg, b, several, 4, 0, 0));
    TELL(syscall(SYS_recvmmsg, b, several, 0, 0, 0));
    TELL(syscall(SYS_recvmmsg, b, NOWHERE, 1, 0, 0));
    TELL(syscall(SYS_sendmmsg, a, NOWHERE, 1, 0));
    TELL(syscall(SYS_sendmmsg, a, several, 0, 0));
    time.tv_nsec = -1;
    TELL(syscall(SYS_recvmmsg, b, several, 4, 0, &time));
    TELL(syscall(SYS_recvmmsg, b, several, 4, 0, NOWHERE));
    /* The second cannot be sent. */
    parts[0] = (struct iovec){"ok", 2};
    parts[1] = (struct iovec){NOWHERE, 2};
    several[0].msg_hdr = (struct msghdr){.msg_iov = &parts[0], .msg_iovlen = 1};
    several[1].msg_hdr = (struct msghdr){.msg_iov = &parts[1], .msg_iovlen = 1};
    TELL(syscall(SYS_sendmmsg, a, several, 2, 0));
    several[1].msg_hdr.msg_iov = NOWHERE;
    TELL(syscall(SYS_sendmmsg, a, several, 2, 0));
    struct mmsghdr *last = (struct mmsghdr *)edge() - 1;
    *last = several[0];
    TELL(syscall(SYS_sendmmsg, a, last, 2, 0));
    TELL(syscall(SYS_recvmmsg, b, last, 2, 0, 0));
    message = (struct msghdr){.msg_namelen = 99, .msg_iov = &part, .msg_iovlen = 1};
    TELL(syscall(SYS_recvmsg, b, &message, 0));
    SHOW("name %d", message.msg_namelen);
    TELL(close(b));
    TELL(send(a, "x", 1, 0));
    TELL(send(a, "x", 1, 0));
    return 0;
}
