/* A pseudo-terminal: settings, sizes, input by lines, and requests that take a number or no argument. */
#include "io.h"
#include <sys/ioctl.h>
#include <termios.h>

static void show(const char *what, int fd)
{
    struct termios settings;
    memset(&settings, 0x55, sizeof settings);
    int got = ioctl(fd, TCGETS, &settings);
    SHOW("%s %d: %#x %#x %#x %#x line %d, intr %d, min %d", what, got, settings.c_iflag, settings.c_oflag, settings.c_cflag, settings.c_lflag,
         settings.c_line, settings.c_cc[VINTR], settings.c_cc[VMIN]);
}

int main(void)
{
    int number = -1, unlock = 0, word = -1;
    char buffer[64] = "", name[32];
    struct termios settings;
    struct winsize size = {24, 80, 1, 2}, seen = {0};
    int master = TELL(open("/dev/ptmx", O_RDWR | O_NOCTTY));
    TELL(ioctl(master, TIOCSPTLCK, &unlock));
    CHECK(ioctl(master, TIOCGPTN, &number));
    SHOW("%d", number >= 0);
    sprintf(name, "/dev/pts/%d", number);
    int slave = TELL(open(name, O_RDWR | O_NOCTTY));
    int peer = TELL(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY));
    TELL(isatty(slave));
    TELL(isatty(peer));
    show("at first", slave);
    TELL(tcgetattr(slave, &settings));
    cfmakeraw(&settings);
    settings.c_cc[VMIN] = 3;
    TELL(tcsetattr(slave, TCSANOW, &settings));
    show("raw", slave);
    TELL(write(master, "a\nbc", 4));
    TELL(read(slave, buffer, 64));
    settings.c_lflag |= ICANON | ECHO;
    settings.c_iflag |= ICRNL;
    TELL(tcsetattr(slave, TCSADRAIN, &settings));
    TELL(tcsetattr(slave, TCSAFLUSH, &settings));
    TELL(write(master, "line\r", 5));
    TELL(read(slave, buffer, 64));
    SHOW("%.5s", buffer);
    poll(&(struct pollfd){.fd = master, .events = POLLIN}, 1, -1); /* the echo is the work of a kernel thread */
    TELL(ioctl(master, FIONREAD, &word));
    SHOW("%d", word);
    TELL(read(master, buffer, 64));
    TELL(ioctl(master, TIOCSWINSZ, &size));
    TELL(ioctl(slave, TIOCGWINSZ, &seen));
    SHOW("%d %d %d %d", seen.ws_row, seen.ws_col, seen.ws_xpixel, seen.ws_ypixel);
    unsigned char modern[44];
    memset(modern, 0x55, sizeof modern);
    TELL(ioctl(slave, 0x802c542a /* TCGETS2 */, modern));
    SHOW("%d", modern[43] != 0x55);
    TELL(ioctl(slave, 0x402c542b /* TCSETS2 */, modern));
    TELL(ioctl(slave, TIOCOUTQ, &word));
    TELL(ioctl(slave, TCFLSH, TCIOFLUSH));
    TELL(ioctl(slave, TCFLSH, 77));
    TELL(ioctl(slave, TCXONC, TCOOFF));
    TELL(ioctl(slave, TCXONC, TCOON));
    TELL(ioctl(slave, TCSBRK, 1));
    TELL(ioctl(slave, TIOCGETD, &word));
    SHOW("%d", word);
    TELL(ioctl(slave, TIOCEXCL));
    TELL(ioctl(slave, 0x80045440 /* TIOCGEXCL */, &word));
    SHOW("%d", word);
    TELL(ioctl(slave, TIOCNXCL));
    TELL(ioctl(master, TIOCPKT, &(int){1}));
    TELL(ioctl(master, 0x80045438 /* TIOCGPKT */, &word));
    SHOW("%d", word);
    TELL(ioctl(slave, TIOCGPGRP, &word));
    TELL(ioctl(slave, TIOCGSID, &word));
    TELL(ioctl(slave, TIOCSPGRP, &(int){getpid()}));
    TELL(ioctl(slave, TIOCNOTTY));
    TELL(ioctl(slave, TIOCMGET, &word));
    TELL(ioctl(slave, TCGETS, NOWHERE));
    TELL(ioctl(slave, TCSETS, NOWHERE));
    TELL(ioctl(slave, TIOCGWINSZ, 0));
    TELL(ioctl(slave, TIOCGWINSZ, (char *)edge() - 7));
    TELL(ioctl(slave, 0x54ff, 0));
    int file = open("/dev/null", O_RDWR);
    TELL(ioctl(file, TCGETS, &settings));
    TELL(ioctl(file, TIOCGWINSZ, &seen));
    TELL(ioctl(600, TIOCGWINSZ, &seen));
    TELL(close(master));
    TELL(read(slave, buffer, 1));
    return 0;
}
