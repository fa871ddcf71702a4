/* SIGBUS of a file's mapping beyond the file's end: BUS_ADRERR and the very address; the page with the end reads zeros. */
#include "behaviour.h"

static sigjmp_buf back;
static volatile uintptr_t address;
static volatile int code, number;

static void handler(int signal, siginfo_t *info, void *context)
{
    (void)context;
    number = signal;
    address = (uintptr_t)info->si_addr;
    code = info->si_code;
    siglongjmp(back, 1);
}

int main(void)
{
    int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);
    NEED(fd >= 0 && ftruncate(fd, 5000) == 0);
    catch_signal(SIGBUS, handler, 0);
    for (int shared = 0; shared < 2; shared++) {
        volatile char *map = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, shared ? MAP_SHARED : MAP_PRIVATE, fd, 0);
        NEED(map != MAP_FAILED);
        say("in the last page: %d", map[8000]);
        if (!sigsetjmp(back, 1))
            (void)map[8192 + 77];
        say("load: signal %d, code %d, exact %d", number == SIGBUS, code == BUS_ADRERR, address == (uintptr_t)(map + 8192 + 77));
        if (!sigsetjmp(back, 1))
            map[3 * 4096] = 1;
        say("store: signal %d, code %d, exact %d", number == SIGBUS, code == BUS_ADRERR, address == (uintptr_t)(map + 3 * 4096));
        NEED(ftruncate(fd, 3 * 4096) == 0);
        say("longer: %d", map[8192 + 77]);
        NEED(ftruncate(fd, 5000) == 0);
        say("write(2) from there: %s", outcome(write(fd, (const void *)(uintptr_t)(map + 3 * 4096), 8)));
    }
    return 0;
}
