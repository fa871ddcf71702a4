/* flock, and locks of records and of open files. */
#include "io.h"
#include <sys/file.h>

int main(void)
{
    int a = open("file", O_CREAT | O_RDWR, 0600), b = open("file", O_RDWR);
    TELL(flock(a, LOCK_EX));
    TELL(flock(b, LOCK_SH | LOCK_NB));
    TELL(flock(a, LOCK_SH));
    TELL(flock(b, LOCK_SH | LOCK_NB));
    TELL(flock(b, 77));
    TELL(flock(a, LOCK_UN));
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 20}, other = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    TELL(fcntl(a, F_OFD_SETLK, &lock));
    TELL(fcntl(b, F_OFD_SETLK, &lock));
    TELL(fcntl(b, F_OFD_GETLK, &other));
    SHOW("%d %d %d %d", other.l_type == F_WRLCK, (int)other.l_start, (int)other.l_len, other.l_pid);
    lock.l_type = F_UNLCK;
    TELL(fcntl(a, F_OFD_SETLK, &lock));
    lock.l_type = F_RDLCK;
    TELL(fcntl(b, F_OFD_SETLKW, &lock));
    lock.l_type = F_WRLCK;
    TELL(fcntl(a, F_SETLK, &lock));
    lock.l_start = 100;
    TELL(fcntl(a, F_SETLKW, &lock));
    TELL(fcntl(b, F_SETLK, &lock));
    TELL(fcntl(a, F_GETLK, &lock));
    SHOW("%d", lock.l_type == F_UNLCK);
    lock.l_type = 9;
    TELL(fcntl(a, F_SETLK, &lock));
    TELL(fcntl(a, F_SETLK, NOWHERE));
    TELL(fcntl(a, 9999, NOWHERE));
    return 0;
}
