/* Pipes and what poll says of them. */
#include "io.h"

static void look(int fd, short events)
{
    struct pollfd one = {fd, events, 0};
    int ready = poll(&one, 1, 0);
    SHOW("poll %d for %#x: %d, %#x", fd, events, ready, one.revents);
}

int main(void)
{
    int p[2], bytes = -1;
    char buffer[64] = "";
    signal(SIGPIPE, SIG_IGN);
    TELL(pipe(p));
    SHOW("%d %d", p[0], p[1]);
    look(p[0], POLLIN);
    look(p[1], POLLOUT);
    TELL(write(p[1], "hello", 5));
    look(p[0], POLLIN | POLLPRI);
    TELL(ioctl(p[0], FIONREAD, &bytes));
    SHOW("%d bytes", bytes);
    TELL(read(p[0], buffer, 2));
    TELL(read(p[0], buffer + 2, sizeof buffer - 2));
    SHOW("%s", buffer);
    TELL(fcntl(p[0], F_SETFL, O_NONBLOCK));
    TELL(read(p[0], buffer, 1));
    TELL(fcntl(p[0], F_GETFL));
    int on = 0;
    TELL(ioctl(p[0], FIONBIO, &on));
    TELL(fcntl(p[0], F_GETFL));
    TELL(fcntl(p[1], F_GETPIPE_SZ));
    TELL(fcntl(p[1], F_SETPIPE_SZ, 8192));
    TELL(write(p[1], NOWHERE, 5));
    TELL(write(p[1], "", 0));
    TELL(close(p[1]));
    look(p[0], POLLIN);
    TELL(read(p[0], buffer, 1));
    TELL(pipe2(p, O_CLOEXEC | O_NONBLOCK));
    TELL(fcntl(p[0], F_GETFD));
    TELL(close(p[0]));
    look(p[1], POLLOUT);
    TELL(write(p[1], "x", 1));
    TELL(ioctl(p[1], FIONCLEX));
    TELL(fcntl(p[1], F_GETFD));
    TELL(ioctl(p[1], FIOCLEX));
    TELL(fcntl(p[1], F_GETFD));
    TELL(pipe2(p, O_DIRECT));
    TELL(write(p[1], "one", 3));
    TELL(write(p[1], "second", 6));
    TELL(read(p[0], buffer, 64));
    TELL(read(p[0], buffer, 64));
    TELL(syscall(SYS_pipe2, NOWHERE, 0));
    TELL(pipe2(p, 1));
    TELL(syscall(SYS_pipe2, p, O_CLOEXEC));
    struct iovec parts[2] = {{"ab", 2}, {"cde", 3}}, into[2] = {{buffer, 1}, {buffer + 8, 4}};
    TELL(writev(p[1], parts, 2));
    TELL(readv(p[0], into, 2));
    SHOW("%c %.4s", buffer[0], buffer + 8);
    TELL(writev(p[1], parts, -1));
    TELL(syscall(SYS_writev, p[1], parts, 1025));
    TELL(writev(p[1], NOWHERE, 2));
    TELL(writev(p[1], parts, 0));
    parts[0].iov_len = (size_t)-1;
    TELL(writev(p[1], parts, 2));
    parts[0] = (struct iovec){NOWHERE, 3};
    TELL(writev(p[1], parts, 2));
    return 0;
}
