/* What the programs about input and output share: every call's result in a line, so that two runs can be compared. */
#ifndef IO_H
#define IO_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static inline long tell(const char *what, long result)
{
    if (result == -1)
        printf("%s: %s\n", what, strerror(errno));
    else
        printf("%s: %ld\n", what, result);
    return result;
}

/* "tell" or "told": the call's text and its result. Where results differ from run to run, CHECK says only whether there was an error. */
#define TELL(call) tell(#call, (long)(call))
#define CHECK(call) ((call) == -1 ? tell(#call, -1) : tell(#call, 0))
#define SHOW(format, ...) printf(format "\n", __VA_ARGS__)

/* An address that nothing is mapped at, and memory that ends where nothing is mapped. */
#define NOWHERE ((void *)0x10000)

static inline char *edge(void)
{
    char *page = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(page + 4096, 4096);
    return page + 4096;
}

#endif
