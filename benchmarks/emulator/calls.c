/* A million system calls: `calls [COUNT]`. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    long parent = getppid();
    for (long left = argc > 1 ? atol(argv[1]) : 1000000; left > 0; left--)
        if (syscall(SYS_getppid) != parent)
            return 1;
    return 0;
}
