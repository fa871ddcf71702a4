/* Code memory mapped twice, once to write and once to execute, as JITs do with memfd_create: 1000 functions written anew in place. */
#include "behaviour.h"
#include "code.h"

int main(void)
{
    int fd = memfd_create("code", MFD_CLOEXEC);
    NEED(fd >= 0 && ftruncate(fd, 16384) == 0);
    char *writable = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *executable = mmap(NULL, 16384, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    NEED(writable != MAP_FAILED && executable != MAP_FAILED);
    long sum = 0;
    for (unsigned i = 0; i < 1000; i++) {
        char *at = executable + i % 16 * 64;
        put_code(writable + i % 16 * 64, i);
        flush_code(at);
        NEED(call_code(at) == (int)i);
        sum += call_code(at);
    }
    say("sum %ld", sum);
    char buffer[CODE_SIZE];
    put_code(buffer, 77);
    NEED(pwrite(fd, buffer, sizeof buffer, 0) == sizeof buffer);
    flush_code(executable);
    say("by pwrite: %d", call_code(executable));
    return 0;
}
