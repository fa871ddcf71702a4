/* What the mm_*.c programs share. They print facts about memory that are the same on every Linux: results with errno names, contents, which
 * addresses a system call can read and write, and mappings with addresses relative to a window. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MAP_SHARED_VALIDATE
#define MAP_SHARED_VALIDATE 3
#endif
#define P 4096ul
#define WINDOW (4096 * P)
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static unsigned long window; /* start of WINDOW bytes that nothing else is in */
static int channel[2];

static const char *error_name(int code)
{
    switch (code) {
    case EPERM: return "EPERM";
    case EIO: return "EIO";
    case EBADF: return "EBADF";
    case EAGAIN: return "EAGAIN";
    case ENOMEM: return "ENOMEM";
    case EACCES: return "EACCES";
    case EFAULT: return "EFAULT";
    case EBUSY: return "EBUSY";
    case EEXIST: return "EEXIST";
    case ENODEV: return "ENODEV";
    case EINVAL: return "EINVAL";
    case ENOSYS: return "ENOSYS";
    case EOVERFLOW: return "EOVERFLOW";
    case EOPNOTSUPP: return "EOPNOTSUPP";
    default: return strerror(code);
    }
}

/* Prints a result: errors by name, addresses in the window as W+pages, other addresses as "elsewhere". */
static long say(const char *what, long result)
{
    unsigned long value = (unsigned long)result;
    if (result == -1)
        printf("%s: %s\n", what, error_name(errno));
    else if (value >= window && value < window + WINDOW)
        printf("%s: W+%lu%s\n", what, (value - window) / P, value % P ? " and a bit" : "");
    else if (value > 1ul << 20)
        printf("%s: elsewhere\n", what);
    else
        printf("%s: %ld\n", what, result);
    fflush(stdout);
    return result;
}

static long do_mmap(unsigned long address, unsigned long size, int prot, int flags, int fd, long offset)
{
    return syscall(SYS_mmap, address, size, prot, flags, fd, offset);
}

static long do_mremap(unsigned long address, unsigned long old, unsigned long new, int flags, unsigned long target)
{
    return syscall(SYS_mremap, address, old, new, flags, target);
}

static long do_munmap(unsigned long address, unsigned long size)
{
    return syscall(SYS_munmap, address, size);
}

static long do_mprotect(unsigned long address, unsigned long size, unsigned long prot)
{
    return syscall(SYS_mprotect, address, size, prot);
}

static long do_madvise(unsigned long address, unsigned long size, int advice)
{
    return syscall(SYS_madvise, address, size, advice);
}

/* The letter of what system calls can do with the byte at `address`: they fault where the program would. */
static char access_letter(unsigned long address)
{
    unsigned char byte = 0;
    int readable = write(channel[1], (void *)address, 1) == 1;
    if (readable && read(channel[0], &byte, 1) != 1)
        exit(90);
    if (write(channel[1], &byte, 1) != 1)
        exit(91);
    int writable = read(channel[0], (void *)address, 1) == 1;
    if (!writable && read(channel[0], &byte, 1) != 1)
        exit(92);
    return readable ? (writable ? 'w' : 'r') : (writable ? '?' : '-');
}

/* One letter for each page from `start` on: - nothing, r readable, w readable and writable. */
static void show_access(const char *what, unsigned long start, unsigned long pages)
{
    printf("%s: ", what);
    for (unsigned long i = 0; i < pages; i++)
        putchar(access_letter(start + i * P));
    putchar('\n');
    fflush(stdout);
}

/* The first byte of each page, as a hexadecimal number, .. where it cannot be read. */
static void show_bytes(const char *what, unsigned long start, unsigned long pages)
{
    printf("%s:", what);
    for (unsigned long i = 0; i < pages; i++) {
        unsigned char byte;
        if (write(channel[1], (void *)(start + i * P), 1) == 1 && read(channel[0], &byte, 1) == 1)
            printf(" %02x", byte);
        else
            printf(" ..");
    }
    putchar('\n');
    fflush(stdout);
}

/* Writes i + 1 into the first byte of page i. */
static void mark(unsigned long start, unsigned long pages)
{
    for (unsigned long i = 0; i < pages; i++)
        *(volatile unsigned char *)(start + i * P) = (unsigned char)(i + 1);
}

/* The lines of /proc/self/maps in [start, end), relative to start, those that continue each other joined: whether the kernel joins them depends on
 * which pages were touched. */
static void show_maps(const char *what, unsigned long start, unsigned long end)
{
    static char text[1 << 16];
    char permissions[8], name[512], joined_permissions[8] = "", joined_name[512] = "", *line = text;
    unsigned long low, high, offset, joined_low = 0, joined_high = 0, joined_offset = 0;
    ssize_t got, length = 0;
    int maps = open("/proc/self/maps", O_RDONLY);
    while ((got = read(maps, text + length, sizeof text - 1 - (size_t)length)) > 0)
        length += got;
    close(maps);
    text[length] = 0;
    printf("%s:\n", what);
    for (;;) {
        int more = *line != 0;
        char *next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        name[0] = 0;
        int fields = more ? sscanf(line, "%lx-%lx %7s %lx %*s %*s %511[^\n]", &low, &high, permissions, &offset, name) : 0;
        line = next ? next : text + length;
        if (more && (fields < 4 || high <= start || low >= end))
            continue;
        if (more && low < start)
            low = start;
        if (more && high > end)
            high = end;
        if (more && joined_high == low && !strcmp(permissions, joined_permissions) && !strcmp(name, joined_name)
            && (!name[0] || name[0] == '[' || joined_offset + (joined_high - joined_low) == offset)) {
            joined_high = high;
            continue;
        }
        if (joined_high) {
            char *base = strrchr(joined_name, '/');
            printf("  %lu-%lu %s %lx %s\n", (joined_low - start) / P, (joined_high - start) / P, joined_permissions, joined_offset, base ? base : joined_name);
        }
        if (!more)
            break;
        joined_low = low;
        joined_high = high;
        joined_offset = offset;
        strcpy(joined_permissions, permissions);
        strcpy(joined_name, name);
    }
    fflush(stdout);
}

/* Empties the window. */
static void clear_window(void)
{
    do_munmap(window, WINDOW);
}

static void begin(void)
{
    window = 0x1000000000; /* far from where the kernel puts anything by itself */
    if (pipe(channel) || do_mmap(window, WINDOW, PROT_NONE, ANON | MAP_FIXED_NOREPLACE, -1, 0) != (long)window)
        exit(93);
    clear_window();
}

/* A file of `pages` pages and `bytes` more, page i filled with 'a' + i; open for reading and writing. */
static inline int make_file(const char *name, unsigned long pages, unsigned long bytes)
{
    char path[256], page[P];
    snprintf(path, sizeof path, "%s/%s", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", name);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    for (unsigned long i = 0; i <= pages; i++) {
        memset(page, 'a' + (int)i, P);
        if (write(fd, page, i < pages ? P : bytes) < 0)
            exit(94);
    }
    return fd;
}
