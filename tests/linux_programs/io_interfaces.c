/* Requests about network interfaces. */
#include "io.h"
#include <net/if.h>
#include <netinet/in.h>

int main(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct ifreq one = {0}, many[16];
    struct ifconf list = {.ifc_len = sizeof many, .ifc_req = many};
    strcpy(one.ifr_name, "lo");
    TELL(ioctl(fd, SIOCGIFINDEX, &one));
    SHOW("%d", one.ifr_ifindex);
    TELL(ioctl(fd, SIOCGIFFLAGS, &one));
    SHOW("%d", !!(one.ifr_flags & IFF_LOOPBACK));
    TELL(ioctl(fd, SIOCGIFADDR, &one));
    SHOW("%#x", ntohl(((struct sockaddr_in *)&one.ifr_addr)->sin_addr.s_addr));
    TELL(ioctl(fd, SIOCGIFMTU, &one));
    SHOW("%d", one.ifr_mtu);
    TELL(ioctl(fd, SIOCGIFHWADDR, &one));
    SHOW("%d", one.ifr_hwaddr.sa_family);
    one.ifr_ifindex = 1;
    memset(one.ifr_name, 0, sizeof one.ifr_name);
    TELL(ioctl(fd, SIOCGIFNAME, &one));
    SHOW("%s", one.ifr_name);
    strcpy(one.ifr_name, "nothing");
    TELL(ioctl(fd, SIOCGIFINDEX, &one));
    memset(many, 0x55, sizeof many);
    TELL(ioctl(fd, SIOCGIFCONF, &list));
    SHOW("%d bytes, %s", list.ifc_len, many[0].ifr_name);
    list = (struct ifconf){.ifc_len = 7, .ifc_req = many};
    TELL(ioctl(fd, SIOCGIFCONF, &list));
    SHOW("%d bytes", list.ifc_len);
    list = (struct ifconf){.ifc_len = 0, .ifc_req = 0};
    TELL(ioctl(fd, SIOCGIFCONF, &list));
    SHOW("%d bytes", list.ifc_len);
    list = (struct ifconf){.ifc_len = 400, .ifc_req = NOWHERE};
    TELL(ioctl(fd, SIOCGIFCONF, &list));
    list.ifc_len = -1;
    TELL(ioctl(fd, SIOCGIFCONF, &list));
    TELL(ioctl(fd, SIOCGIFCONF, NOWHERE));
    TELL(ioctl(fd, SIOCGIFINDEX, NOWHERE));
    SHOW("%d", if_nametoindex("lo"));
    return 0;
}
