/* personality: asked for, set, kept by fork and exec; without random addresses two runs have the same stack. */
#include <sys/personality.h>

#include "behaviour.h"

static void run(const char *mode)
{
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        execl("/proc/self/exe", "again", mode, NULL);
        _exit(98);
    }
    NEED(waitpid(child, NULL, 0) == child);
}

int main(int count, char **arguments)
{
    if (count > 1) {
        char place[32];
        int file = open("addresses", O_WRONLY | O_CREAT | O_APPEND, 0600);
        int size = snprintf(place, sizeof place, "%p\n", (void *)arguments);
        say("%s: %#x", arguments[1], personality(0xffffffff) & (ADDR_NO_RANDOMIZE | SHORT_INODE));
        NEED(write(file, place, (size_t)size) == size);
        return 0;
    }
    say("at first %#x", personality(0xffffffff) & (ADDR_NO_RANDOMIZE | SHORT_INODE));
    say("before %#x", personality(ADDR_NO_RANDOMIZE) & ADDR_NO_RANDOMIZE);
    run("set");
    run("set");
    FILE *file = fopen("addresses", "r");
    char one[32] = "", two[32] = "";
    NEED(file && fgets(one, sizeof one, file) && fgets(two, sizeof two, file));
    say("same addresses %d", !strcmp(one, two));
    return 0;
}
