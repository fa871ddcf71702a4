/* epoll: level, edge, once; what is stored; mistakes. */
#include "io.h"
#include <sys/epoll.h>

static int set;

static void wait_once(const char *what)
{
    struct epoll_event events[4];
    memset(events, 0x55, sizeof events);
    int count = epoll_wait(set, events, 4, 0);
    printf("%s: %d", what, count);
    for (int i = 0; i < count; i++)
        printf(" %#x %#llx", events[i].events, (unsigned long long)events[i].data.u64);
    printf("%s\n", count == 1 && *(unsigned char *)&events[1] != 0x55 ? " more" : "");
}

static int control(int operation, int fd, uint32_t events, uint64_t data)
{
    struct epoll_event event = {.events = events, .data.u64 = data};
    return epoll_ctl(set, operation, fd, &event);
}

int main(void)
{
    int p[2], q[2];
    char buffer[16];
    set = epoll_create1(EPOLL_CLOEXEC);
    SHOW("%d", set);
    pipe(p);
    pipe(q);
    TELL(control(EPOLL_CTL_ADD, p[0], EPOLLIN, 0x1122334455667788));
    TELL(control(EPOLL_CTL_ADD, q[0], EPOLLIN | EPOLLET, 0xffffffffffffffff));
    TELL(control(EPOLL_CTL_ADD, p[0], EPOLLIN, 0));
    wait_once("none");
    write(p[1], "xy", 2);
    wait_once("level");
    wait_once("level still");
    read(p[0], buffer, 2);
    wait_once("level gone");
    write(q[1], "xy", 2);
    wait_once("edge");
    wait_once("edge gone");
    write(q[1], "z", 1);
    wait_once("edge again");
    write(p[1], "1", 1);
    wait_once("one");
    write(q[1], "1", 1);
    struct epoll_event events[64];
    SHOW("both: %d", epoll_wait(set, events, 64, -1));
    TELL(control(EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLONESHOT, 7));
    wait_once("once");
    wait_once("once gone");
    TELL(control(EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLONESHOT, 8));
    wait_once("once more");
    TELL(epoll_ctl(set, EPOLL_CTL_DEL, p[0], 0));
    TELL(epoll_ctl(set, EPOLL_CTL_DEL, p[0], 0));
    TELL(control(EPOLL_CTL_MOD, p[0], EPOLLIN, 8));
    TELL(control(9, p[0], EPOLLIN, 8));
    TELL(control(EPOLL_CTL_ADD, set, EPOLLIN, 8));
    TELL(control(EPOLL_CTL_ADD, 500, EPOLLIN, 8));
    int file = open("file", O_CREAT | O_RDWR, 0600);
    TELL(control(EPOLL_CTL_ADD, file, EPOLLIN, 8));
    TELL(epoll_ctl(set, EPOLL_CTL_ADD, p[0], 0));
    TELL(epoll_ctl(set, EPOLL_CTL_ADD, p[0], NOWHERE));
    TELL(epoll_ctl(p[0], EPOLL_CTL_ADD, p[1], events));
    TELL(epoll_wait(set, events, 0, 0));
    TELL(epoll_wait(set, events, -5, 0));
    TELL(epoll_wait(set, events, 0x7fffffff, 0));
    TELL(epoll_wait(set, events, 1 << 20, 0));
    TELL(epoll_wait(p[0], events, 4, 0));
    TELL(epoll_wait(set, NOWHERE, 4, 0));
    TELL(control(EPOLL_CTL_ADD, p[0], EPOLLIN, 9));
    TELL(epoll_wait(set, NOWHERE, 4, 0));
    wait_once("still there");
    TELL(epoll_wait(set, 0, 4, 0));
    close(p[1]);
    wait_once("hung up");
    struct timespec time = {0, 1000000};
    TELL(control(EPOLL_CTL_DEL, p[0], 0, 0));
    TELL(syscall(SYS_epoll_pwait2, set, events, 4, &time, 0, 8));
    time.tv_nsec = -1;
    TELL(syscall(SYS_epoll_pwait2, set, events, 4, &time, 0, 8));
    TELL(syscall(SYS_epoll_pwait2, set, events, 4, NOWHERE, 0, 8));
    uint64_t mask = 0;
    TELL(syscall(SYS_epoll_pwait, set, events, 4, 1, &mask, 8));
    TELL(syscall(SYS_epoll_pwait, set, events, 4, 1, &mask, 4));
    TELL(syscall(SYS_epoll_pwait, set, events, 4, 1, NOWHERE, 8));
    struct epoll_event *last = (struct epoll_event *)edge() - 1;
    control(EPOLL_CTL_ADD, p[0], EPOLLIN, 0xabcdef);
    TELL(epoll_wait(set, last, 1, 0));
    SHOW("%#x %#llx", last->events, (unsigned long long)last->data.u64);
    *last = (struct epoll_event){.events = EPOLLIN, .data.u64 = 5};
    TELL(epoll_ctl(set, EPOLL_CTL_MOD, p[0], last));
    wait_once("from the edge");

    /* Many at once. */
    int many = epoll_create1(0), count = 0;
    for (int i = 0; i < 200; i++) {
        int r[2];
        struct epoll_event event = {.events = EPOLLOUT, .data.u64 = (uint64_t)i << 32 | i};
        if (pipe(r) || epoll_ctl(many, EPOLL_CTL_ADD, r[1], &event))
            return 1;
    }
    struct epoll_event *all = calloc(300, sizeof *all);
    count = epoll_wait(many, all, 300, -1);
    uint64_t sum = 0;
    for (int i = 0; i < count; i++)
        sum += all[i].data.u64;
    SHOW("%d, %#llx", count, (unsigned long long)sum);
    return 0;
}
