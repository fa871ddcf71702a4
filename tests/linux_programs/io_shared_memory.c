/* System V shared memory. */
#include "io.h"
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    struct shmid_ds status;
    int id = shmget(IPC_PRIVATE, 10000, 0600);
    char *one = shmat(id, 0, 0), *two = shmat(id, 0, SHM_RDONLY);
    SHOW("%d %d", one != (void *)-1, two != one);
    strcpy(one, "written once");
    SHOW("%s", two);
    memset(&status, 0x55, sizeof status);
    TELL(shmctl(id, IPC_STAT, &status));
    SHOW("%zu bytes, mode %o, %d attached, %d", status.shm_segsz, status.shm_perm.mode, (int)status.shm_nattch, status.shm_cpid == getpid());
    status.shm_perm.mode = 0640;
    TELL(shmctl(id, IPC_SET, &status));
    TELL(shmctl(id, IPC_STAT, &status));
    SHOW("mode %o", status.shm_perm.mode);
    TELL(shmctl(id, IPC_STAT, NOWHERE));
    TELL(shmctl(id, 99, NOWHERE));
    TELL(shmdt(two));
    TELL(shmdt(two));
    TELL(shmctl(id, IPC_RMID, 0));
    SHOW("%s", one);
    TELL(shmdt(one));
    TELL(shmctl(id, IPC_STAT, &status));
    TELL(shmget(IPC_PRIVATE, 0, 0600));
    return 0;
}
