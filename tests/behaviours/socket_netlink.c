/* A netlink socket: an address of its own, and the list of interfaces, which has the loopback. */
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include "behaviour.h"

int main(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    NEED(fd >= 0);
    struct sockaddr_nl address = {.nl_family = AF_NETLINK};
    socklen_t size = sizeof address;
    say("bind: %s", outcome(bind(fd, (struct sockaddr *)&address, sizeof address)));
    NEED(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    say("family %d, of %d bytes, number its own %d", address.nl_family == AF_NETLINK, (int)size, address.nl_pid == (unsigned)getpid());
    struct {
        struct nlmsghdr head;
        struct ifinfomsg link;
    } request = {{sizeof request, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 7, 0}, {.ifi_family = AF_UNSPEC}};
    NEED(send(fd, &request, sizeof request, 0) == sizeof request);
    _Alignas(struct nlmsghdr) static char buffer[65536];
    int loopback = 0, wrong = 0;
    for (int done = 0; !done;) {
        ssize_t got = recv(fd, buffer, sizeof buffer, 0);
        NEED(got > 0);
        for (struct nlmsghdr *head = (struct nlmsghdr *)buffer; NLMSG_OK(head, (size_t)got); head = NLMSG_NEXT(head, got)) {
            wrong += head->nlmsg_seq != 7;
            if (head->nlmsg_type == NLMSG_DONE)
                done = 1;
            else if (head->nlmsg_type == RTM_NEWLINK)
                loopback += (((struct ifinfomsg *)NLMSG_DATA(head))->ifi_flags & IFF_LOOPBACK) != 0;
        }
    }
    say("loopback %d, wrong %d", loopback, wrong);
    request.head.nlmsg_type = 9999;
    request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    NEED(send(fd, &request, sizeof request, 0) == sizeof request);
    NEED(recv(fd, buffer, sizeof buffer, 0) > 0);
    struct nlmsghdr *head = (struct nlmsghdr *)buffer;
    say("unknown request: error %d, refused %d", head->nlmsg_type == NLMSG_ERROR, ((struct nlmsgerr *)NLMSG_DATA(head))->error < 0);
    return 0;
}
