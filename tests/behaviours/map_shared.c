/* A file mapped shared by two processes: what one stores the other loads, read and write agree with it; a private mapping keeps its own. */
#include "behaviour.h"

int main(void)
{
    int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600), ends[2], back[2];
    char byte, text[16] = "";
    NEED(fd >= 0 && ftruncate(fd, 16384) == 0 && pipe(ends) == 0 && pipe(back) == 0);
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        char *map = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        NEED(map != MAP_FAILED);
        NEED(read(ends[0], &byte, 1) == 1);
        say("child sees: %s", map + 5000);
        strcpy(map + 9000, "from the child");
        NEED(pwrite(fd, "written", 8, 100) == 8);
        say("and its own write: %s", map + 100);
        NEED(write(back[1], "x", 1) == 1);
        _exit(0);
    }
    char *map = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *own = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    NEED(map != MAP_FAILED && own != MAP_FAILED);
    own[100] = '!';
    strcpy(map + 5000, "from the parent");
    NEED(write(ends[1], "x", 1) == 1 && read(back[0], &byte, 1) == 1);
    say("parent sees: %s, %s", map + 9000, map + 100);
    say("private: %.1s, %s", own + 100, own + 9000);
    NEED(pread(fd, text, 4, 9000) == 4);
    say("read: %s", text);
    say("%s", wait_text(child));
    NEED(msync(map, 16384, MS_SYNC) == 0 && munmap(map, 16384) == 0);
    uint32_t *counter = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 12288);
    NEED(counter != MAP_FAILED);
    pid_t children[3];
    for (int i = 0; i < 3; i++) {
        children[i] = fork();
        NEED(children[i] >= 0);
        if (!children[i]) {
            for (int j = 0; j < 100000; j++)
                __atomic_fetch_add(counter, 1, __ATOMIC_SEQ_CST);
            _exit(0);
        }
    }
    for (int i = 0; i < 3; i++)
        NEED(!strcmp(wait_text(children[i]), "exit 0"));
    say("counted by three processes: %u", *counter);
    return 0;
}
