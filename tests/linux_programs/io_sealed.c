/* Files in memory, and seals. */
#include "io.h"

int main(void)
{
    int fd = TELL(memfd_create("name", MFD_ALLOW_SEALING | MFD_CLOEXEC));
    TELL(ftruncate(fd, 8192));
    TELL(write(fd, "abc", 3));
    TELL(fcntl(fd, F_GET_SEALS));
    TELL(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK));
    TELL(ftruncate(fd, 4096));
    TELL(ftruncate(fd, 16384));
    char *shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    SHOW("%.3s", shared);
    TELL(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    TELL(munmap(shared, 4096));
    TELL(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    TELL(write(fd, "x", 1));
    TELL(mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
    TELL(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
    TELL(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
    TELL(fcntl(fd, F_GET_SEALS));
    fd = TELL(memfd_create("plain", 0));
    TELL(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
    TELL(memfd_create("wrong", 0x8000));
    TELL(memfd_create(NOWHERE, 0));
    char name[300];
    memset(name, 'n', 299);
    name[299] = 0;
    TELL(memfd_create(name, 0));
    return 0;
}
