/* fork: the child has the parent's memory as it was, both go on with their own; both return from the same call. */
#include "behaviour.h"

static int global = 1;

int main(void)
{
    char *heap = malloc(100000), *map = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    volatile int local = 3;
    strcpy(heap, "heap");
    strcpy(map, "map");
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        NEED(global == 1 && local == 3 && !strcmp(heap, "heap") && !strcmp(map, "map"));
        global = local = 10;
        strcpy(heap, "child");
        strcpy(map, "child");
        munmap(map, 65536);
        say("child: parent's number %d, own %d", getppid() != getpid(), getpid() == thread_id());
        _exit(global + local);
    }
    say("%s", wait_text(child));
    say("%d %d %s %s", global, local, heap, map);
    return 0;
}
