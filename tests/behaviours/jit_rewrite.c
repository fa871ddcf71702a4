/* Code written into memory that is writable and executable, called, and written anew 2000 times, in the same place and with the caller in the same page. */
#include "behaviour.h"
#include "code.h"

int main(void)
{
    char *code = mmap(NULL, 65536, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(code != MAP_FAILED);
    long sum = 0;
    for (unsigned i = 0; i < 2000; i++) {
        put_code(code, i);
        flush_code(code);
        NEED(call_code(code) == (int)i);
        sum += call_code(code);
    }
    say("one place %ld", sum);
    sum = 0;
    for (unsigned i = 0; i < 2000; i++) {
        put_code(code + 8 * i, i);
        flush_code(code + 8 * i);
    }
    for (unsigned i = 0; i < 2000; i++)
        sum += call_code(code + 8 * i);
    say("many places %ld", sum);
    return 0;
}
