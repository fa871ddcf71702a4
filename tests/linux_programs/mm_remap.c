/* mremap(2). */
#include "mm_common.h"

static void fresh(unsigned long at, unsigned long pages)
{
    clear_window();
    do_mmap(window + at * P, pages * P, RW, ANON | MAP_FIXED, -1, 0);
    mark(window + at * P, pages);
}

static void errors(void)
{
    fresh(10, 4);
    unsigned long a = window + 10 * P;
    say("unknown flag", do_mremap(a, P, P, 8, 0));
    say("in a page", do_mremap(a + 1, P, P, 0, 0));
    say("no new length", do_mremap(a, P, 0, 0, 0));
    say("new length that wraps", do_mremap(a, P, -1ul, MREMAP_MAYMOVE, 0));
    say("new length too big", do_mremap(a, P, 1ul << 62, MREMAP_MAYMOVE, 0));
    say("fixed without maymove", do_mremap(a, P, P, MREMAP_FIXED, window));
    say("keep without maymove", do_mremap(a, P, P, MREMAP_DONTUNMAP, 0));
    say("keep with another length", do_mremap(a, P, 2 * P, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0));
    say("target in a page", do_mremap(a, P, P, MREMAP_MAYMOVE | MREMAP_FIXED, window + 1));
    say("target too high", do_mremap(a, P, P, MREMAP_MAYMOVE | MREMAP_FIXED, -P));
    say("target overlaps", do_mremap(a, 4 * P, 4 * P, MREMAP_MAYMOVE | MREMAP_FIXED, a + 2 * P));
    say("target overlaps when grown", do_mremap(a, P, 4 * P, MREMAP_MAYMOVE | MREMAP_FIXED, a - 2 * P));
    say("nothing there", do_mremap(window, P, 2 * P, MREMAP_MAYMOVE, 0));
    say("nothing there, same length", do_mremap(window, P, P, 0, 0));
    say("nothing there, fixed", do_mremap(window, P, P, MREMAP_MAYMOVE | MREMAP_FIXED, window + 100 * P));
    say("longer than the mapping", do_mremap(a, 5 * P, 6 * P, MREMAP_MAYMOVE, 0));
    say("private, no old length", do_mremap(a, 0, P, MREMAP_MAYMOVE, 0));
    say("private, no old length, may not move", do_mremap(a, 0, P, 0, 0));
    show_bytes("untouched", a, 5);
}

static void in_place(void)
{
    fresh(10, 4);
    unsigned long a = window + 10 * P;
    say("same", do_mremap(a, 4 * P, 4 * P, 0, 0));
    say("shorter", do_mremap(a, 4 * P, 2 * P - 5, 0, 0));
    show_bytes("shorter", a, 5);
    say("longer", do_mremap(a, 2 * P, 6 * P, 0, 0));
    show_bytes("longer", a, 7);
    say("longer from the middle", do_mremap(a + 4 * P, 2 * P, 3 * P, 0, 0));
    say("longer, not its end", do_mremap(a, P, 2 * P, 0, 0));
    do_mmap(a + 8 * P, P, PROT_READ, ANON | MAP_FIXED, -1, 0);
    say("blocked", do_mremap(a, 7 * P, 9 * P, 0, 0));
    say("shorter over others", do_mremap(a, 9 * P, 3 * P, 0, 0));
    show_maps("maps", window, window + WINDOW);
}

static void moves(void)
{
    fresh(10, 4);
    unsigned long a = window + 10 * P, b = window + 50 * P;
    do_mmap(b, 3 * P, PROT_READ, ANON | MAP_FIXED, -1, 0);
    say("fixed", do_mremap(a, 2 * P, 2 * P, MREMAP_MAYMOVE | MREMAP_FIXED, b + P));
    show_bytes("source", a, 5);
    show_bytes("target", b, 5);
    show_access("target", b, 5);
    say("fixed and longer", do_mremap(b + P, 2 * P, 5 * P, MREMAP_MAYMOVE | MREMAP_FIXED, a - 5 * P));
    say("fixed and shorter", do_mremap(a - 5 * P, 5 * P, P, MREMAP_MAYMOVE | MREMAP_FIXED, b + 20 * P));
    show_maps("maps", window, window + WINDOW);
    fresh(10, 2);
    do_mmap(window + 12 * P, P, RW, ANON | MAP_FIXED, -1, 0);
    do_mprotect(window + 12 * P, P, PROT_READ);
    unsigned long c = (unsigned long)do_mremap(a, 2 * P, 4 * P, MREMAP_MAYMOVE, 0);
    printf("moved away: %d\n", c != a);
    show_bytes("moved away", c, 4);
    show_bytes("left", a, 3);
    do_munmap(c, 4 * P);
    fresh(10, 4);
    say("kept", do_mremap(a, 2 * P, 2 * P, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, b));
    show_bytes("kept", a, 4);
    show_bytes("moved", b, 3);
    show_access("kept", a, 4);
    mark(a, 2);
    c = (unsigned long)do_mremap(a + P, P, P, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
    show_bytes("kept again", a, 2);
    show_bytes("anywhere", c, 1);
    do_munmap(c, P);
    fresh(10, 2);
    do_mmap(window + 13 * P, 2 * P, PROT_READ, ANON | MAP_FIXED, -1, 0);
    show_maps("maps", window, window + WINDOW);
}

static void shared(void)
{
    clear_window();
    unsigned long a = window + 10 * P, b = window + 50 * P;
    do_mmap(a, 4 * P, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    mark(a, 4);
    say("copy", do_mremap(a + P, 0, 2 * P, MREMAP_MAYMOVE | MREMAP_FIXED, b));
    *(char *)(b + P) = 0x77;
    show_bytes("copy", b, 3);
    show_bytes("original", a, 5);
    say("copy, may not move", do_mremap(a, 0, P, 0, 0));
    say("longer than the object", do_mremap(a, 4 * P, 6 * P, 0, 0));
    show_access("longer than the object", a, 7);
    show_maps("maps", window, window + WINDOW);
    clear_window();
    int file = make_file("mm_remap", 6, 10);
    do_mmap(a, 2 * P, RW, MAP_PRIVATE | MAP_FIXED, file, P);
    mark(a, 1);
    say("longer private file", do_mremap(a, 2 * P, 4 * P, 0, 0));
    show_bytes("longer private file", a, 5);
    say("moved private file", do_mremap(a, 4 * P, 7 * P, MREMAP_MAYMOVE | MREMAP_FIXED, b));
    show_bytes("moved private file", b, 8);
    show_access("moved private file", b, 8);
    say("kept private file", do_mremap(b, 2 * P, 2 * P, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, a));
    show_bytes("kept private file", b, 3);
    show_bytes("moved private file", a, 3);
    do_mmap(window, 2 * P, PROT_READ, MAP_SHARED | MAP_FIXED, file, 2 * P);
    say("longer shared file", do_mremap(window, 2 * P, 5 * P, 0, 0));
    show_bytes("longer shared file", window, 6);
    show_maps("maps", window, window + WINDOW);
}

int main(void)
{
    begin();
    errors();
    in_place();
    moves();
    shared();
    return 0;
}
