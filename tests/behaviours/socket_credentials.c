/* SCM_CREDENTIALS and SO_PEERCRED: who sent it; forged numbers are refused to those who may not. */
#include <sys/socket.h>

#include "behaviour.h"

int main(void)
{
    int pair[2], on = 1;
    NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
    NEED(setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0);
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        NEED(write(pair[1], "x", 1) == 1);
        _exit(0);
    }
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct ucred))] = {0};
    char text[8];
    struct iovec data = {.iov_base = text, .iov_len = 8};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    NEED(recvmsg(pair[0], &message, 0) == 1);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    NEED(header && header->cmsg_type == SCM_CREDENTIALS);
    struct ucred who;
    memcpy(&who, CMSG_DATA(header), sizeof who);
    say("child's %d, uid %d, gid %d", who.pid == child, who.uid == getuid(), who.gid == getgid());
    say("%s", wait_text(child));
    socklen_t size = sizeof who;
    NEED(getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &who, &size) == 0);
    say("peer %d, size %d", who.pid == getpid(), (int)size);
    return 0;
}
