/* Stacks grow: by touching them, by system calls that write to them, and other mappings that are marked so. */
#include "mm_common.h"

static unsigned char deep(int depth)
{
    volatile unsigned char room[4000];
    room[0] = (unsigned char)depth;
    return depth ? (unsigned char)(deep(depth - 1) + room[0]) : room[0];
}

/* Whether writing to `address` kills a child, and by which signal. */
static void poke_in_child(const char *what, unsigned long address)
{
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        *(volatile char *)address = 1;
        _exit(0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    printf("%s: %x\n", what, status & 0x7f7f);
    fflush(stdout);
}

int main(void)
{
    begin();
    printf("recursion: %d\n", deep(1500));
    char here;
    unsigned long sp = (unsigned long)&here & -P;
    if (write(channel[1], "q", 1) != 1)
        return 1;
    say("read to what the stack has not reached", read(channel[0], (void *)(sp - 6500 * 1024), 1));
    printf("there: %c\n", *(char *)(sp - 6500 * 1024));

    do_mmap(window + 2000 * P, P, RW, ANON | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
    *(volatile char *)(window + 1999 * P) = 7;
    *(volatile char *)(window + 1500 * P) = 8;
    show_maps("grown", window, window + WINDOW);
    show_bytes("grown", window + 1500 * P, 2);
    do_mmap(window + 1000 * P, P, RW, ANON | MAP_FIXED, -1, 0);
    poke_in_child("guard gap", window + 1100 * P);
    poke_in_child("guard gap's last page", window + (1001 + 255) * P);
    poke_in_child("above the guard gap", window + (1001 + 256) * P);
    do_mprotect(window + 1000 * P, P, PROT_NONE);
    poke_in_child("next to what nobody may touch", window + 1001 * P);
    poke_in_child("what nobody may touch", window + 1000 * P);
    poke_in_child("below it", window + 999 * P);
    do_munmap(window + 1400 * P, 100 * P);
    poke_in_child("grows again", window + 1450 * P);
    struct rlimit limit = { 600 * P, RLIM_INFINITY };
    setrlimit(RLIMIT_STACK, &limit);
    poke_in_child("within the limit", window + (2001 - 600) * P);
    poke_in_child("over the limit", window + (2001 - 601) * P);
    return 0;
}
