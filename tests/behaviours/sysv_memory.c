/* System V shared memory between processes: attached, seen by both, counted, removed after the last one; read-only attachment. */
#include <sys/ipc.h>
#include <sys/shm.h>

#include "behaviour.h"

int main(void)
{
    int id = shmget(IPC_PRIVATE, 10000, IPC_CREAT | 0600);
    struct shmid_ds status;
    NEED(id >= 0);
    volatile int *memory = shmat(id, NULL, 0);
    NEED(memory != (void *)-1);
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        volatile int *again = shmat(id, NULL, 0);
        NEED(again != (void *)-1 && again != memory);
        again[1] = 17;
        say("same memory %d", memory[1]);
        NEED(shmctl(id, IPC_STAT, &status) == 0);
        say("attached %d", (int)status.shm_nattch);
        volatile int *readable = shmat(id, NULL, SHM_RDONLY);
        NEED(readable != (void *)-1);
        say("read-only %d", readable[1]);
        *readable = 1;
        _exit(0);
    }
    say("%s", wait_text(child));
    say("seen %d", memory[1]);
    NEED(shmctl(id, IPC_STAT, &status) == 0);
    say("size %zu, attached %d, own %d", status.shm_segsz, (int)status.shm_nattch, status.shm_cpid == getpid());
    NEED(shmctl(id, IPC_RMID, NULL) == 0);
    say("still there %d", memory[1]);
    NEED(shmdt((const void *)(uintptr_t)memory) == 0);
    say("gone: %s, detached twice: %s", outcome(shmctl(id, IPC_STAT, &status)), outcome(shmdt((const void *)(uintptr_t)memory)));
    return 0;
}
