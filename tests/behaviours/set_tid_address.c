/* set_tid_address: when the thread ends, the word is zeroed, and who waits for it there is woken. */
#include <linux/futex.h>

#include "behaviour.h"

static volatile int word = 77;

static void *run(void *argument)
{
    pause_ms(40);
    NEED(syscall(SYS_set_tid_address, &word) == thread_id());
    syscall(SYS_exit, 0); /* not by the C library, which has a word of its own */
    return argument;
}

int main(void)
{
    pthread_t thread;
    say("own number: %d", syscall(SYS_set_tid_address, &word) == getpid());
    NEED(pthread_create(&thread, NULL, run, NULL) == 0);
    while (word == 77)
        syscall(SYS_futex, &word, FUTEX_WAIT, 77, NULL, NULL, 0);
    say("word: %d", word);
    _exit(6);
}
