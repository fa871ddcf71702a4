/* Sockets with names in the file system and names of their own. */
#include "io.h"
#include <stddef.h>
#include <sys/un.h>

static socklen_t name_of(struct sockaddr_un *place, const char *name, size_t length)
{
    *place = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(place->sun_path, name, length);
    return offsetof(struct sockaddr_un, sun_path) + length;
}

int main(void)
{
    struct sockaddr_un one, two, from;
    char buffer[32] = "", hidden[40];
    int length = sprintf(hidden, "%cminiload-io-%d", 0, (int)getpid());
    socklen_t size = name_of(&one, hidden, length), got = sizeof from;
    int a = TELL(socket(AF_UNIX, SOCK_DGRAM, 0)), b = TELL(socket(AF_UNIX, SOCK_DGRAM, 0));
    TELL(bind(a, (struct sockaddr *)&one, size));
    TELL(bind(b, (struct sockaddr *)&one, size));
    TELL(sendto(b, "to a", 4, 0, (struct sockaddr *)&one, size));
    TELL(recvfrom(a, buffer, 32, 0, (struct sockaddr *)&from, &got));
    SHOW("%s from %d bytes", buffer, got);
    size = name_of(&two, "b.socket", 9);
    TELL(bind(b, (struct sockaddr *)&two, size));
    TELL(access("b.socket", F_OK));
    TELL(connect(b, (struct sockaddr *)&one, offsetof(struct sockaddr_un, sun_path) + length));
    TELL(send(b, "again", 5, 0));
    memset(&from, 0x55, sizeof from);
    got = sizeof from;
    TELL(recvfrom(a, buffer, 32, 0, (struct sockaddr *)&from, &got));
    SHOW("%s from %s, %d bytes", buffer, from.sun_path, got);
    got = 5;
    memset(&from, 0x55, sizeof from);
    TELL(getsockname(b, (struct sockaddr *)&from, &got));
    SHOW("%d bytes, %.4s", got, from.sun_path);
    got = sizeof from;
    TELL(getpeername(b, (struct sockaddr *)&from, &got));
    SHOW("%d, %d", got == offsetof(struct sockaddr_un, sun_path) + length, from.sun_path[0]);
    TELL(setsockopt(b, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){0, 20000}, sizeof(struct timeval)));
    TELL(recv(b, buffer, 1, 0));

    int listener = TELL(socket(AF_UNIX, SOCK_STREAM, 0)), client = TELL(socket(AF_UNIX, SOCK_STREAM, 0));
    char path[100];
    TELL(getcwd(path, 80) != 0);
    strcat(path, "/stream");
    size = name_of(&two, path, strlen(path) + 1);
    TELL(connect(client, (struct sockaddr *)&two, size));
    TELL(bind(listener, (struct sockaddr *)&two, size));
    TELL(connect(client, (struct sockaddr *)&two, size));
    TELL(listen(listener, 1));
    TELL(connect(client, (struct sockaddr *)&two, size));
    got = sizeof from;
    int server = TELL(accept(listener, (struct sockaddr *)&from, &got));
    SHOW("%d bytes", got);
    struct ucred who = {0};
    got = sizeof who;
    TELL(getsockopt(server, SOL_SOCKET, SO_PEERCRED, &who, &got));
    SHOW("%d %d", who.pid == getpid(), who.uid == getuid());
    TELL(write(client, "12345", 5));
    int left = 0;
    TELL(ioctl(client, TIOCOUTQ, &left));
    SHOW("%d", left > 0);
    TELL(ioctl(server, FIONREAD, &left));
    SHOW("%d", left);
    TELL(shutdown(client, SHUT_RDWR));
    TELL(read(server, buffer, 32));
    TELL(read(server, buffer, 32));
    TELL(unlink("stream"));
    TELL(connect(client, (struct sockaddr *)&two, size));
    return 0;
}
