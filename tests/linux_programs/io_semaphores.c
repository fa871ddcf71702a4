/* System V semaphores. */
#include "io.h"
#include <sys/ipc.h>
#include <sys/sem.h>

union semun {
    int val;
    struct semid_ds *buf;
    unsigned short *array;
    struct seminfo *info;
};

int main(void)
{
    unsigned short values[3] = {5, 6, 7}, seen[4] = {0, 0, 0, 0x5555};
    struct semid_ds status;
    struct seminfo info;
    int id = semget(IPC_PRIVATE, 3, 0600);
    TELL(semctl(id, 0, SETALL, (union semun){.array = values}));
    TELL(semctl(id, 1, SETVAL, (union semun){.val = 2}));
    TELL(semctl(id, 0, GETALL, (union semun){.array = seen}));
    SHOW("%d %d %d %#x", seen[0], seen[1], seen[2], seen[3]);
    TELL(semctl(id, 1, GETVAL));
    TELL(semctl(id, 9, GETVAL));
    struct sembuf take[2] = {{0, -5, 0}, {1, 1, 0}}, more = {0, -1, IPC_NOWAIT}, zero = {0, 0, 0};
    TELL(semop(id, take, 2));
    TELL(semop(id, &more, 1));
    TELL(semop(id, &zero, 1));
    more.sem_flg = 0;
    struct timespec limit = {0, 10000000};
    TELL(semtimedop(id, &more, 1, &limit));
    TELL(semop(id, NOWHERE, 1));
    TELL(semop(id, &more, 0));
    TELL(semop(id, &more, 100000));
    memset(&status, 0x55, sizeof status);
    TELL(semctl(id, 0, IPC_STAT, (union semun){.buf = &status}));
    SHOW("%d semaphores, mode %o, otime %d, ctime %d, %d", (int)status.sem_nsems, status.sem_perm.mode, llabs(time(0) - status.sem_otime) < 100,
         llabs(time(0) - status.sem_ctime) < 100, status.sem_perm.uid == getuid());
    status.sem_perm.mode = 0640;
    TELL(semctl(id, 0, IPC_SET, (union semun){.buf = &status}));
    TELL(semctl(id, 0, IPC_STAT, (union semun){.buf = &status}));
    SHOW("mode %o", status.sem_perm.mode);
    SHOW("%d", semctl(id, 0, GETPID) == getpid());
    TELL(semctl(id, 0, GETNCNT));
    CHECK(semctl(0, 0, IPC_INFO, (union semun){.info = &info}));
    SHOW("%d", info.semmsl);
    TELL(semctl(id, 0, IPC_STAT, (union semun){.buf = NOWHERE}));
    TELL(semctl(id, 0, GETALL, (union semun){.array = NOWHERE}));
    TELL(semctl(id, 0, 99, (union semun){.array = NOWHERE}));
    TELL(semctl(id, 0, IPC_RMID));
    TELL(semctl(id, 0, GETALL, (union semun){.array = seen}));
    TELL(semget(IPC_PRIVATE, -1, 0600));
    return 0;
}
