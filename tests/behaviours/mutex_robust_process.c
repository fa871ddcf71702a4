/* A process that exits, or is killed, while it holds a robust mutex in shared memory: the other process gets EOWNERDEAD. */
#include "behaviour.h"

int main(void)
{
    pthread_mutex_t *lock = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    NEED(lock != MAP_FAILED);
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
    NEED(pthread_mutex_init(lock, &kind) == 0);
    for (int killed = 0; killed < 2; killed++) {
        int ends[2];
        NEED(pipe(ends) == 0);
        pid_t child = fork();
        NEED(child >= 0);
        if (!child) {
            NEED(pthread_mutex_lock(lock) == 0);
            NEED(write(ends[1], "x", 1) == 1);
            pause_ms(100);
            if (killed)
                pause();
            _exit(4);
        }
        char byte;
        NEED(read(ends[0], &byte, 1) == 1);
        if (killed)
            kill(child, SIGKILL);
        say("%s: %s", killed ? "killed" : "exited", error_name(pthread_mutex_lock(lock)));
        say("%s", wait_text(child));
        pthread_mutex_consistent(lock);
        pthread_mutex_unlock(lock);
    }
    return 0;
}
