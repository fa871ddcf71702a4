/* eventfd: a counter, and a semaphore. */
#include "io.h"
#include <sys/eventfd.h>

int main(void)
{
    uint64_t value = 0;
    int fd = TELL(eventfd(3, EFD_NONBLOCK | EFD_CLOEXEC));
    TELL(read(fd, &value, 8));
    SHOW("%llu", (unsigned long long)value);
    TELL(read(fd, &value, 8));
    value = 1ull << 40;
    TELL(write(fd, &value, 8));
    TELL(write(fd, &value, 7));
    TELL(read(fd, &value, 4));
    value = 0xfffffffffffffffe;
    TELL(write(fd, &value, 8));
    value = 0xffffffffffffffff;
    TELL(write(fd, &value, 8));
    TELL(read(fd, &value, 8));
    SHOW("%llu", (unsigned long long)value);
    fd = TELL(eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK));
    TELL(read(fd, &value, 8));
    SHOW("%llu", (unsigned long long)value);
    TELL(eventfd_write(fd, 1));
    TELL(eventfd_read(fd, &value));
    TELL(eventfd_read(fd, &value));
    TELL(eventfd_read(fd, &value));
    TELL(eventfd(0, 0x100));
    return 0;
}
