/* mmap(2) and munmap(2): placement, flags, errors and their order. */
#include "mm_common.h"

static void placement(void)
{
    long a = do_mmap(0, P, RW, ANON, -1, 0), b = do_mmap(0, 3 * P, RW, ANON, -1, 0);
    printf("top-down: %d\n", b + 3 * (long)P == a);
    do_munmap((unsigned long)b, 3 * P);
    printf("lowest of the highest hole: %d\n", do_mmap(0, P, RW, ANON, -1, 0) == a - (long)P);
    say("hint", do_mmap(window + 10 * P, P, RW, ANON, -1, 0));
    say("hint taken", do_mmap(window + 10 * P, P, RW, ANON, -1, 0));
    say("hint inside a page", do_mmap(window + 20 * P + 123, P, RW, ANON, -1, 0));
    say("hint too near", do_mmap(window + 8 * P, 3 * P, RW, ANON, -1, 0));
    say("hint too high", do_mmap(-P, P, RW, ANON, -1, 0));
    say("hint below the first page", do_mmap(5, P, RW, ANON, -1, 0));
    say("fixed", do_mmap(window + 30 * P, 2 * P, RW, ANON | MAP_FIXED, -1, 0));
    mark(window + 30 * P, 2);
    say("noreplace taken", do_mmap(window + 31 * P, P, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0));
    say("noreplace free", do_mmap(window + 32 * P, P, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0));
    say("fixed over", do_mmap(window + 31 * P, P, PROT_READ, ANON | MAP_FIXED, -1, 0));
    show_bytes("replaced", window + 30 * P, 4);
    show_access("access", window + 29 * P, 5);
    show_maps("maps", window, window + WINDOW);
    clear_window();
    say("grows down", do_mmap(window + 1024 * P, P, RW, ANON | MAP_FIXED | MAP_GROWSDOWN, -1, 0));
    say("hint in its guard gap", do_mmap(window + 900 * P, P, RW, ANON, -1, 0));
    say("hint below its guard gap", do_mmap(window + 767 * P, P, RW, ANON, -1, 0));
    say("fixed in its guard gap", do_mmap(window + 1000 * P, P, RW, ANON | MAP_FIXED, -1, 0));
    clear_window();
}

static void anonymous_errors(void)
{
    say("no length", do_mmap(0, 0, RW, ANON, -1, 0));
    say("length that wraps", do_mmap(0, -1ul, RW, ANON, -1, 0));
    say("length of half the address space", do_mmap(0, 1ul << 63, RW, ANON | MAP_NORESERVE, -1, 0));
    say("offset in a page", do_mmap(0, P, RW, ANON, -1, 5));
    say("offset of no use", do_mmap(window, P, RW, ANON | MAP_FIXED, -1, -(long)P));
    say("neither private nor shared", do_mmap(0, P, RW, MAP_ANONYMOUS, -1, 0));
    say("both", do_mmap(0, P, RW, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0));
    say("unknown type", do_mmap(0, P, RW, 5 | MAP_ANONYMOUS, -1, 0));
    say("fixed in a page", do_mmap(window + 1, P, RW, ANON | MAP_FIXED, -1, 0));
    say("fixed at the end of everything", do_mmap(-P, P, RW, ANON | MAP_FIXED, -1, 0));
    say("shared and grows down", do_mmap(0, P, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0));
    say("noreplace taken, no type", do_mmap(window, P, RW, MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
    say("odd protection", do_mmap(window, P, 0x70, ANON | MAP_FIXED, -1, 0));
    show_access("odd protection", window, 1);
    say("odd flags", do_mmap(window, P, RW, ANON | MAP_FIXED | MAP_STACK | MAP_POPULATE | MAP_NONBLOCK | MAP_NORESERVE | 0x1800, -1, 0));
    say("locked", do_mmap(window, P, RW, ANON | MAP_FIXED | MAP_LOCKED, -1, 0));
    show_access("locked", window, 2);
    say("write only", do_mmap(window, P, PROT_WRITE, ANON | MAP_FIXED, -1, 0));
    show_access("write only", window, 1);
    clear_window();
}

static void file_errors(void)
{
    int file = make_file("mm_map", 2, 100);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    int reader = open(path, O_RDONLY), writer = open(path, O_WRONLY), any = open(path, O_PATH), append = open(path, O_RDWR | O_APPEND);
    say("bad descriptor", do_mmap(0, P, RW, MAP_PRIVATE, 999, 0));
    say("bad descriptor before no length", do_mmap(0, 0, RW, MAP_PRIVATE, -1, 0));
    say("offset in a page before bad descriptor", do_mmap(0, P, RW, MAP_PRIVATE, -1, 5));
    say("path only", do_mmap(0, P, RW, MAP_PRIVATE, any, 0));
    say("pipe", do_mmap(0, P, PROT_READ, MAP_PRIVATE, channel[0], 0));
    say("pipe's writing end", do_mmap(0, P, PROT_READ, MAP_PRIVATE, channel[1], 0));
    say("directory", do_mmap(0, P, PROT_READ, MAP_PRIVATE, open("/", O_RDONLY), 0));
    say("write-only file", do_mmap(0, P, PROT_READ, MAP_PRIVATE, writer, 0));
    say("shared write of a read-only file", do_mmap(0, P, RW, MAP_SHARED, reader, 0));
    say("private write of a read-only file", do_mmap(window, P, RW, MAP_PRIVATE | MAP_FIXED, reader, 0));
    say("shared write, appending", do_mmap(window + P, P, RW, MAP_SHARED | MAP_FIXED, append, 0));
    say("validated", do_mmap(window, P, RW, MAP_SHARED_VALIDATE | MAP_FIXED, file, 0));
    say("validated, unknown flag", do_mmap(window, P, RW, MAP_SHARED_VALIDATE | MAP_FIXED | 0x2000000, file, 0));
    say("validated, noreplace", do_mmap(window + 5 * P, P, RW, MAP_SHARED_VALIDATE | MAP_FIXED_NOREPLACE, file, 0));
    say("validated, sync", do_mmap(window, P, RW, MAP_SHARED_VALIDATE | MAP_FIXED | 0x80000, file, 0));
    say("shared, unknown flag", do_mmap(window, P, RW, MAP_SHARED | MAP_FIXED | 0x2000000, file, 0));
    say("grows down", do_mmap(window, P, RW, MAP_PRIVATE | MAP_FIXED | MAP_GROWSDOWN, file, 0));
    say("huge pages", do_mmap(0, P, RW, MAP_PRIVATE | MAP_HUGETLB, file, 0));
    say("no type", do_mmap(window, P, RW, MAP_FIXED, file, 0));
    say("negative offset", do_mmap(window, P, RW, MAP_PRIVATE | MAP_FIXED, file, -(long)P));
    say("offset too big", do_mmap(window, P, RW, MAP_PRIVATE | MAP_FIXED, file, 0x7ffffffffffff000));
    show_bytes("still there", window, 2);
    say("zero device", do_mmap(window + 8 * P, 2 * P, RW, MAP_PRIVATE | MAP_FIXED, open("/dev/zero", O_RDWR), 4 * P));
    say("zero device, shared", do_mmap(window + 10 * P, 2 * P, RW, MAP_SHARED | MAP_FIXED, open("/dev/zero", O_RDWR), 0));
    mark(window + 8 * P, 4);
    show_bytes("zero device", window + 8 * P, 4);
    say("null device", do_mmap(window + 12 * P, P, RW, MAP_PRIVATE | MAP_FIXED, open("/dev/null", O_RDWR), 0));
    say("proc file", do_mmap(window + 12 * P, P, PROT_READ, MAP_PRIVATE | MAP_FIXED, open("/proc/uptime", O_RDONLY), 0));
    show_maps("maps", window, window + WINDOW);
    clear_window();
}

static void unmapping(void)
{
    do_mmap(window, 10 * P, RW, ANON | MAP_FIXED, -1, 0);
    mark(window, 10);
    say("in a page", do_munmap(window + 1, P));
    say("no length", do_munmap(window, 0));
    say("length that wraps", do_munmap(window, -1ul));
    say("too high", do_munmap(-P, P));
    say("middle", do_munmap(window + 3 * P, 1));
    say("again", do_munmap(window + 3 * P, P));
    say("with holes", do_munmap(window + 2 * P, 4 * P));
    say("end", do_munmap(window + 9 * P, 100 * P));
    show_bytes("left", window, 11);
    show_maps("left", window, window + WINDOW);
    do_mmap(window, 10 * P, RW, ANON | MAP_FIXED, -1, 0);
    show_bytes("fresh", window, 10);
    clear_window();
}

static void limits(void)
{
    struct rlimit limit = { 1ul << 30, RLIM_INFINITY };
    say("limit of the address space", setrlimit(RLIMIT_AS, &limit));
    say("over it", do_mmap(0, 1ul << 30, PROT_NONE, ANON | MAP_NORESERVE, -1, 0));
    say("below it", do_mmap(0, 1ul << 28, PROT_NONE, ANON | MAP_NORESERVE, -1, 0));
    limit.rlim_cur = RLIM_INFINITY;
    setrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = 1ul << 26;
    say("limit of data", setrlimit(RLIMIT_DATA, &limit));
    say("data over it", do_mmap(0, 1ul << 27, RW, ANON, -1, 0));
    say("no data", do_mmap(0, 1ul << 27, PROT_READ, ANON, -1, 0));
    say("shared", do_mmap(0, 1ul << 27, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    unsigned long none = (unsigned long)do_mmap(0, 1ul << 27, PROT_NONE, ANON, -1, 0);
    say("made data", do_mprotect(none, 1ul << 27, RW));
    say("made a little data", do_mprotect(none, P, RW));
    say("heap", syscall(SYS_brk, (unsigned long)syscall(SYS_brk, 0ul) + (1ul << 27)) == syscall(SYS_brk, 0ul));
}

int main(void)
{
    begin();
    placement();
    anonymous_errors();
    file_errors();
    unmapping();
    limits();
    return 0;
}
