/* mprotect(2). */
#include "mm_common.h"

int main(void)
{
    begin();
    do_mmap(window, 8 * P, RW, ANON | MAP_FIXED, -1, 0);
    mark(window, 8);
    say("in a page", do_mprotect(window + 1, P, PROT_READ));
    say("no length", do_mprotect(window, 0, PROT_READ));
    say("no length, nothing there", do_mprotect(window + 100 * P, 0, PROT_READ));
    say("no length, unknown bit", do_mprotect(window, 0, 0x100));
    say("length that wraps", do_mprotect(window, -1ul, PROT_READ));
    say("end that wraps", do_mprotect(window, -window, PROT_READ));
    say("unknown bit", do_mprotect(window, P, PROT_READ | 0x100));
    say("semaphores", do_mprotect(window, P, RW | 8));
    say("grows both ways", do_mprotect(window, P, PROT_READ | PROT_GROWSDOWN | PROT_GROWSUP));
    say("does not grow down", do_mprotect(window + P, P, PROT_READ | PROT_GROWSDOWN));
    say("does not grow up", do_mprotect(window + P, P, PROT_READ | PROT_GROWSUP));
    say("nothing there", do_mprotect(window + 100 * P, P, PROT_READ));
    say("one page", do_mprotect(window + 2 * P, 1, PROT_READ));
    say("none", do_mprotect(window + 3 * P, P, PROT_NONE));
    say("write only", do_mprotect(window + 4 * P, P, PROT_WRITE));
    show_access("access", window, 9);
    show_maps("maps", window, window + WINDOW);
    do_munmap(window + 6 * P, P);
    say("over a hole", do_mprotect(window + 2 * P, 6 * P, RW));
    say("from a hole", do_mprotect(window + 6 * P, 2 * P, PROT_READ));
    say("over the end", do_mprotect(window + 7 * P, 2 * P, PROT_READ));
    show_access("access", window, 9);
    show_bytes("bytes", window, 9);
    show_maps("maps", window, window + WINDOW);
    clear_window();

    int file = make_file("mm_protect", 3, 0);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    int reader = open(path, O_RDONLY);
    do_mmap(window, P, RW, ANON | MAP_FIXED, -1, 0);
    do_mmap(window + P, 2 * P, PROT_READ, MAP_SHARED | MAP_FIXED, reader, 0);
    do_mmap(window + 3 * P, P, RW, ANON | MAP_FIXED, -1, 0);
    say("write to a read-only file", do_mprotect(window, 4 * P, PROT_NONE));
    say("write to a read-only file", do_mprotect(window, 4 * P, RW));
    show_access("access", window, 5);
    say("private", do_mmap(window + 1 * P, P, PROT_READ, MAP_PRIVATE | MAP_FIXED, reader, 0));
    say("private copy", do_mprotect(window + P, P, RW));
    *(char *)(window + P) = 'X';
    show_bytes("bytes", window, 4);
    show_maps("maps", window, window + WINDOW);
    clear_window();

    do_mmap(window + 1000 * P, 4 * P, RW, ANON | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
    say("grows down", do_mprotect(window + 1002 * P, P, PROT_READ | PROT_GROWSDOWN));
    show_access("grows down", window + 1000 * P, 5);
    say("below what grows down", do_mprotect(window + 900 * P, 101 * P, PROT_READ | PROT_WRITE | PROT_GROWSDOWN));
    show_access("below", window + 1000 * P, 5);
    say("far below what grows down", do_mprotect(window + 900 * P, P, PROT_READ | PROT_GROWSDOWN));
    clear_window();

    say("code", do_mmap(window, 2 * P, PROT_READ | PROT_EXEC, ANON | MAP_FIXED, -1, 0));
    say("no code", do_mprotect(window + P, P, PROT_READ));
    say("all", do_mprotect(window, P, PROT_READ | PROT_WRITE | PROT_EXEC));
    show_access("access", window, 3);
    show_maps("maps", window, window + WINDOW);
    return 0;
}
