/* System V semaphores between processes: waits, several at once, undone at exit, removed under a waiter. */
#include <sys/ipc.h>
#include <sys/sem.h>

#include "behaviour.h"

int main(void)
{
    int id = semget(IPC_PRIVATE, 3, IPC_CREAT | 0600);
    NEED(id >= 0);
    unsigned short values[3] = {1, 0, 2};
    NEED(semctl(id, 0, SETALL, values) == 0);
    struct sembuf take[2] = {{0, -1, 0}, {2, -2, 0}}, give = {1, 1, 0}, wait = {1, -1, 0}, undo = {0, 5, SEM_UNDO}, never = {1, -100, 0};
    NEED(semop(id, take, 2) == 0);
    take[0].sem_flg = IPC_NOWAIT;
    say("again: %s", outcome(semop(id, take, 1)));
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        pause_ms(40);
        NEED(semop(id, &undo, 1) == 0);
        say("child has %d", semctl(id, 0, GETVAL));
        NEED(semop(id, &give, 1) == 0);
        _exit(0);
    }
    NEED(semop(id, &wait, 1) == 0);
    say("%s", wait_text(child));
    say("undone %d, last by the child %d", semctl(id, 0, GETVAL), semctl(id, 0, GETPID) == child);
    struct timespec soon = {0, 20000000};
    say("timed: %s", outcome(semtimedop(id, &wait, 1, &soon)));
    child = fork();
    NEED(child >= 0);
    if (!child) {
        say("removed: %s", outcome(semop(id, &never, 1)));
        _exit(0);
    }
    while (semctl(id, 1, GETNCNT) != 1)
        pause_ms(5);
    NEED(semctl(id, 0, IPC_RMID) == 0);
    say("%s", wait_text(child));
    return 0;
}
