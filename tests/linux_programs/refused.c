/* Requests and options whose structs hold addresses, and what would type into the terminal: not served. */
#include "io.h"
#include <netinet/in.h>

int main(void)
{
    uint64_t words[32] = {0};
    int files = open("/proc/self/status", O_RDONLY), terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    TELL(ioctl(terminal, TIOCSTI, "x"));
    TELL(ioctl(terminal, 0x541c /* TIOCLINUX */, words));
    TELL(ioctl(files, 0xc0606610 /* PAGEMAP_SCAN */, words));
    TELL(ioctl(files, 0xc0686611 /* PROCMAP_QUERY */, words));
    TELL(ioctl(files, 0x40806685 /* FS_IOC_ENABLE_VERITY */, words));
    TELL(ioctl(files, 0x5441ff, words));
    int tcp = socket(AF_INET, SOCK_STREAM, 0), raw = socket(AF_INET, SOCK_DGRAM, 0);
    TELL(ioctl(raw, 0x8946 /* SIOCETHTOOL */, words));
    TELL(ioctl(raw, 0x890b /* SIOCADDRT */, words));
    socklen_t size = sizeof words;
    TELL(getsockopt(tcp, IPPROTO_TCP, 35 /* TCP_ZEROCOPY_RECEIVE */, words, &size));
    TELL(setsockopt(tcp, IPPROTO_IP, 64 /* IPT_SO_SET_REPLACE */, words, 200));
    TELL(setsockopt(tcp, 283 /* SOL_XDP */, 4 /* XDP_UMEM_REG */, words, 32));
    TELL(setsockopt(tcp, 276 /* SOL_RDS */, 2 /* RDS_GET_MR */, words, 32));
    return 0;
}
