/* Descriptors and credentials over a pair of sockets. */
#include "io.h"

struct control {
    _Alignas(struct cmsghdr) char bytes[256];
};

/* struct msghdr as the kernel has it, for calls around the C library. */
struct message {
    void *name;
    uint32_t name_size;
    struct iovec *parts;
    size_t part_count;
    void *control;
    size_t control_size;
    int flags;
};

static long send_raw(int socket, const struct message *message)
{
    return syscall(SYS_sendmsg, socket, message, 0);
}

static long send_fds(int socket, const int *fds, int count)
{
    struct control control = {0};
    char byte = 'x';
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    *head = (struct cmsghdr){.cmsg_len = CMSG_LEN(count * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(head), fds, count * sizeof(int));
    return sendmsg(socket, &message, 0);
}

static struct cmsghdr *next_header(struct msghdr *message, struct cmsghdr *head)
{
    size_t at = (size_t)((char *)head - (char *)message->msg_control) + ((head->cmsg_len + 7) & ~(size_t)7);
    return head->cmsg_len >= sizeof *head && at + sizeof *head <= message->msg_controllen ? (struct cmsghdr *)((char *)message->msg_control + at) : 0;
}

static void receive(int socket, int flags, size_t room)
{
    struct control control = {0};
    char bytes[8] = "";
    struct iovec part = {bytes, sizeof bytes - 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = room ? &control : 0, .msg_controllen = room};
    long got = recvmsg(socket, &message, flags);
    printf("recvmsg: %ld %s, control %d, flags %#x", got, bytes, (int)message.msg_controllen, message.msg_flags);
    for (struct cmsghdr *head = CMSG_FIRSTHDR(&message); got >= 0 && head; head = next_header(&message, head)) {
        printf(" [%d %d %d:", head->cmsg_level, head->cmsg_type, (int)head->cmsg_len);
        for (size_t at = 0; head->cmsg_type == SCM_RIGHTS && CMSG_LEN(at) < head->cmsg_len; at += sizeof(int)) {
            int fd = *(int *)(CMSG_DATA(head) + at);
            printf(" %d %d", fd, fcntl(fd, F_GETFD));
        }
        if (head->cmsg_type == SCM_CREDENTIALS)
            printf(" %d", ((struct ucred *)CMSG_DATA(head))->pid == getpid());
        printf("]");
    }
    printf("\n");
}

int main(void)
{
    int pair[2], p[2];
    TELL(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    TELL(pipe(p));
    TELL(send_fds(pair[0], p, 2));
    receive(pair[1], 0, 256);
    write(p[1], "hello", 5);
    char buffer[8] = "";
    TELL(read(7, buffer, 5));
    SHOW("%s", buffer);
    TELL(send_fds(pair[0], p, 2));
    receive(pair[1], MSG_CMSG_CLOEXEC, 256);
    TELL(send_fds(pair[0], p, 2));
    receive(pair[1], 0, CMSG_LEN(sizeof(int)));
    TELL(send_fds(pair[0], p, 2));
    receive(pair[1], 0, 8);
    TELL(send_fds(pair[0], p, 1));
    receive(pair[1], 0, 0);
    int closed[1] = {300};
    TELL(send_fds(pair[0], closed, 1));
    int passed = 0;
    for (closed[0] = 800; closed[0] < 1100; closed[0]++)
        passed += send_fds(pair[0], closed, 1) > 0;
    SHOW("%d descriptors that were never opened", passed);
    int on = 1;
    TELL(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
    TELL(send(pair[0], "abc", 3, 0));
    receive(pair[1], 0, 256);

    /* Control parts that are too short or too long. */
    struct control control = {0};
    struct iovec part = {buffer, 1};
    struct message message = {.parts = &part, .part_count = 1, .control = &control, .control_size = sizeof control};
    struct cmsghdr *head = (struct cmsghdr *)&control;
    *head = (struct cmsghdr){.cmsg_len = 8, .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    TELL(send_raw(pair[0], &message));
    head->cmsg_len = 1000;
    TELL(send_raw(pair[0], &message));
    *head = (struct cmsghdr){.cmsg_len = CMSG_LEN(0), .cmsg_level = SOL_SOCKET, .cmsg_type = 77};
    TELL(send_raw(pair[0], &message));
    message.control = NOWHERE;
    TELL(send_raw(pair[0], &message));
    message.control_size = (size_t)1 << 40;
    TELL(send_raw(pair[0], &message));
    message.control_size = 1 << 24;
    TELL(send_raw(pair[0], &message));
    message = (struct message){.parts = NOWHERE, .part_count = 1};
    TELL(send_raw(pair[0], &message));
    TELL(send_raw(pair[0], NOWHERE));
    TELL(syscall(SYS_recvmsg, pair[0], NOWHERE, MSG_DONTWAIT));
    message.part_count = 2000;
    TELL(send_raw(pair[0], &message));
    message = (struct message){.name_size = 1};
    TELL(send_raw(pair[0], &message));
    message = (struct message){.name = NOWHERE, .name_size = 2};
    TELL(send_raw(pair[0], &message));
    message.name_size = -1;
    TELL(send_raw(pair[0], &message));
    receive(pair[1], MSG_DONTWAIT, 256);
    receive(pair[1], MSG_DONTWAIT, 256);
    return 0;
}
