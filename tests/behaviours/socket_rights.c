/* SCM_RIGHTS: descriptors sent from one process to another; closed on exec if asked; truncated if there is no room. */
#include <sys/socket.h>

#include "behaviour.h"

static ssize_t send_descriptors(int socket, const int *fds, int count)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))] = {0};
    struct iovec data = {.iov_base = "data", .iov_len = 4};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE((size_t)count * sizeof(int))};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
    memcpy(CMSG_DATA(header), fds, (size_t)count * sizeof(int));
    return sendmsg(socket, &message, 0);
}

static int receive(int socket, int *fds, int room, int flags, int *truncated)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))] = {0};
    char text[8] = "";
    struct iovec data = {.iov_base = text, .iov_len = 8};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_LEN((size_t)room * sizeof(int))};
    NEED(recvmsg(socket, &message, flags) == 4 && !strcmp(text, "data"));
    *truncated = !!(message.msg_flags & MSG_CTRUNC);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (!header)
        return 0;
    NEED(header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS);
    int count = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(fds, CMSG_DATA(header), (size_t)count * sizeof(int));
    return count;
}

int main(void)
{
    int pair[2], fds[4], truncated;
    NEED(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600), ends[2];
        NEED(fd >= 0 && write(fd, "content", 7) == 7 && lseek(fd, 3, SEEK_SET) == 3 && pipe(ends) == 0);
        NEED(write(ends[1], "piped", 5) == 5);
        int both[2] = {fd, ends[0]};
        NEED(send_descriptors(pair[1], both, 2) == 4);
        NEED(send_descriptors(pair[1], both, 2) == 4);
        NEED(send_descriptors(pair[1], both, 2) == 4);
        int bad = 999;
        say("closed one: %s", outcome(send_descriptors(pair[1], &bad, 1)));
        _exit(0);
    }
    say("%s", wait_text(child));
    char text[8] = "";
    say("descriptors %d", receive(pair[0], fds, 2, 0, &truncated));
    ssize_t size = read(fds[0], text, 7);
    say("read %zd: %s", size, text);
    size = read(fds[1], text, 7);
    say("read %zd: %s", size, text);
    say("closed on exec %d", fcntl(fds[0], F_GETFD));
    NEED(receive(pair[0], fds, 2, MSG_CMSG_CLOEXEC, &truncated) == 2);
    say("closed on exec %d %d", fcntl(fds[0], F_GETFD), fcntl(fds[1], F_GETFD));
    int count = receive(pair[0], fds, 1, 0, &truncated);
    say("room for one: %d, truncated %d", count, truncated);
    return 0;
}
