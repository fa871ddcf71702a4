/* madvise(2), and what it means to a child. */
#include "mm_common.h"

static void in_child(void (*look)(void))
{
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        look();
        fflush(stdout);
        _exit(0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    printf("child: %x\n", status);
}

static void look(void)
{
    show_bytes("child", window, 10);
    show_access("child", window, 10);
    show_maps("child", window, window + WINDOW);
    say("child maps", do_mmap(window + 2 * P, P, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0));
    *(volatile char *)window = 0x55;
    *(volatile char *)(window + 8 * P) = 0x66;
}

int main(void)
{
    begin();
    do_mmap(window, 8 * P, RW, ANON | MAP_FIXED, -1, 0);
    mark(window, 8);
    say("unknown", do_madvise(window, P, 77));
    say("unknown, no length", do_madvise(window, 0, 77));
    say("in a page", do_madvise(window + 1, P, MADV_DONTNEED));
    say("no length", do_madvise(window, 0, MADV_DONTNEED));
    say("nothing there, no length", do_madvise(window + 90 * P, 0, MADV_DONTNEED));
    say("length that wraps", do_madvise(window, -1ul, MADV_DONTNEED));
    say("end that wraps", do_madvise(window, -P, MADV_DONTNEED));
    say("nothing there", do_madvise(window + 90 * P, P, MADV_DONTNEED));
    say("not needed", do_madvise(window + P, 2 * P, MADV_DONTNEED));
    do_munmap(window + 4 * P, P);
    say("not needed, hole", do_madvise(window + 3 * P, 3 * P, MADV_DONTNEED));
    show_bytes("not needed", window, 9);
    say("remove private", do_madvise(window, P, MADV_REMOVE));
    for (int advice = 0; advice <= 3; advice++)
        say("normal, random, sequential, needed", do_madvise(window, P, advice));
    say("free", do_madvise(window + 7 * P, P, MADV_FREE));
    say("no dump", do_madvise(window, P, 16));
    say("dump", do_madvise(window, P, 17));
    say("cold", do_madvise(window, P, 20));
    say("populate", do_madvise(window, P, 22));
    say("populate for writing", do_madvise(window, P, 23));
    say("populate a hole", do_madvise(window + 3 * P, 3 * P, 23));
    say("populate, no permission", do_mprotect(window + 5 * P, P, PROT_READ));
    say("populate, no permission", do_madvise(window + 5 * P, P, 23));
    say("not needed though locked", do_madvise(window, P, 24));
    do_mmap(window, 4 * P, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    mark(window, 4);
    say("free shared", do_madvise(window, P, MADV_FREE));
    say("not needed shared", do_madvise(window, P, MADV_DONTNEED));
    say("remove", do_madvise(window + P, P, MADV_REMOVE));
    say("wipe shared", do_madvise(window, P, 18));
    show_bytes("shared", window, 5);
    int file = make_file("mm_advise", 2, 0);
    do_mmap(window, 2 * P, RW, MAP_PRIVATE | MAP_FIXED, file, 0);
    mark(window, 2);
    say("not needed private file", do_madvise(window, P, MADV_DONTNEED));
    say("free private file", do_madvise(window, P, MADV_FREE));
    say("wipe private file", do_madvise(window, P, 18));
    show_bytes("file", window, 2);
    clear_window();

    do_mmap(window, 8 * P, RW, ANON | MAP_FIXED, -1, 0);
    do_mmap(window + 8 * P, P, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    mark(window, 9);
    say("not in children", do_madvise(window + 2 * P, 2 * P, MADV_DONTFORK));
    say("empty in children", do_madvise(window + 5 * P, 2 * P, 18));
    say("kept in children", do_madvise(window + 6 * P, P, 19));
    say("in children after all", do_madvise(window + 3 * P, P, MADV_DOFORK));
    in_child(look);
    show_bytes("parent", window, 10);
    show_maps("parent", window, window + WINDOW);
    return 0;
}
