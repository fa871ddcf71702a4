/* Mapped files: their ends, sharing, msync(2), mincore(2). */
#include "mm_common.h"

int main(void)
{
    begin();
    int file = make_file("mm_file", 2, 100);
    unsigned long a = window, b = window + 16 * P;
    say("shared", do_mmap(a, 5 * P, RW, MAP_SHARED | MAP_FIXED, file, 0));
    say("private", do_mmap(b, 5 * P, RW, MAP_PRIVATE | MAP_FIXED, file, 0));
    show_bytes("shared", a, 6);
    show_access("shared", a, 6);
    printf("tail: %d %d\n", *(char *)(a + 2 * P + 99), *(char *)(a + 2 * P + 100));
    *(char *)a = 'X';
    *(char *)(b + P) = 'Y';
    *(char *)(a + P) = 'Z';
    show_bytes("shared", a, 3);
    show_bytes("private", b, 3);
    char byte = 0;
    say("read", pread(file, &byte, 1, P));
    printf("in the file: %c\n", byte);
    say("write", pwrite(file, "W", 1, 2 * P));
    show_bytes("shared", a, 3);
    show_bytes("private", b, 3);
    say("longer", ftruncate(file, 4 * P));
    show_bytes("longer", a, 6);
    show_access("longer", b, 6);
    say("shorter", ftruncate(file, P));
    show_bytes("shorter", a, 6);
    show_bytes("shorter private", b, 6);
    say("longer", ftruncate(file, 5 * P));
    show_bytes("longer", a, 6);

    say("sync", syscall(SYS_msync, a, 5 * P, MS_SYNC));
    say("sync later", syscall(SYS_msync, a, 5 * P, MS_ASYNC));
    say("invalidate", syscall(SYS_msync, a, 5 * P, MS_SYNC | MS_INVALIDATE));
    say("both", syscall(SYS_msync, a, 5 * P, MS_SYNC | MS_ASYNC));
    say("unknown flag", syscall(SYS_msync, a, 5 * P, 8));
    say("in a page", syscall(SYS_msync, a + 1, P, MS_SYNC));
    say("no length", syscall(SYS_msync, window + 100 * P, 0, MS_SYNC));
    say("hole", syscall(SYS_msync, a, 6 * P, MS_SYNC));
    say("hole, later", syscall(SYS_msync, a, 6 * P, MS_ASYNC));
    say("end that wraps", syscall(SYS_msync, a, -P, MS_SYNC));
    say("private", syscall(SYS_msync, b, P, MS_SYNC));

    unsigned char present[8];
    memset(present, 0x40, sizeof present);
    do_mmap(window + 32 * P, 4 * P, RW, ANON | MAP_FIXED, -1, 0);
    mark(window + 33 * P, 1);
    say("present", syscall(SYS_mincore, window + 32 * P, 4 * P, present));
    printf("present: %x %x %x %x %x\n", present[0], present[1], present[2], present[3], present[4]);
    say("present, hole", syscall(SYS_mincore, window + 32 * P, 5 * P, present));
    say("present, in a page", syscall(SYS_mincore, window + 1, P, present));
    say("present, bad vector", syscall(SYS_mincore, window + 32 * P, P, window + 90 * P));
    say("present, no vector", syscall(SYS_mincore, window + 32 * P, P, 0ul));
    say("present, no length", syscall(SYS_mincore, window + 32 * P, 0ul, 0ul));
    say("present, too much", syscall(SYS_mincore, window, -P, present));
    say("present, part of a page", syscall(SYS_mincore, window + 33 * P, 1ul, present));

    say("unlinked name", (long)(close(file), 0));
    show_bytes("after close", a, 2);
    show_maps("maps", window, window + WINDOW);
    clear_window();
    int memory = (int)syscall(SYS_memfd_create, "box", 0u);
    say("memory file", ftruncate(memory, 3 * P));
    say("written as data", do_mmap(a, 2 * P, RW, MAP_SHARED | MAP_FIXED, memory, P));
    say("run as code", do_mmap(b, 2 * P, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, memory, P));
    mark(a, 2);
    show_bytes("as code", b, 2);
    show_maps("maps", window, window + WINDOW);
    return 0;
}
