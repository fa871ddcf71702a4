/* Raw futex in memory that two processes share. */
#include <linux/futex.h>

#include "behaviour.h"

int main(void)
{
    uint32_t *word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    NEED(word != MAP_FAILED);
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        for (uint32_t i = 0; i < 300; i++) {
            while (__atomic_load_n(word, __ATOMIC_SEQ_CST) != 2 * i + 1)
                syscall(SYS_futex, word, FUTEX_WAIT, 2 * i, NULL, NULL, 0);
            __atomic_store_n(word, 2 * i + 2, __ATOMIC_SEQ_CST);
            syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
        }
        _exit(8);
    }
    for (uint32_t i = 0; i < 300; i++) {
        __atomic_store_n(word, 2 * i + 1, __ATOMIC_SEQ_CST);
        syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
        while (__atomic_load_n(word, __ATOMIC_SEQ_CST) != 2 * i + 2)
            syscall(SYS_futex, word, FUTEX_WAIT, 2 * i + 1, NULL, NULL, 0);
    }
    say("%u, %s", *word, wait_text(child));
    return 0;
}
