/* System V message queues. */
#include "io.h"
#include <sys/ipc.h>
#include <sys/msg.h>

struct text {
    long type;
    char bytes[32];
};

int main(void)
{
    struct text one = {3, "three"}, two = {5, "five"}, got;
    struct msqid_ds status;
    int id = msgget(IPC_PRIVATE, 0600);
    TELL(msgsnd(id, &one, 6, 0));
    TELL(msgsnd(id, &two, 5, IPC_NOWAIT));
    TELL(msgctl(id, IPC_STAT, &status));
    SHOW("%d messages, %d bytes, mode %o", (int)status.msg_qnum, (int)status.msg_cbytes, status.msg_perm.mode);
    memset(&got, 0, sizeof got);
    TELL(msgrcv(id, &got, 32, 5, 0));
    SHOW("%ld %s", got.type, got.bytes);
    TELL(msgrcv(id, &got, 32, 5, IPC_NOWAIT));
    TELL(msgrcv(id, &got, 2, 0, 0));
    TELL(msgrcv(id, &got, 2, 0, MSG_NOERROR));
    SHOW("%ld %.2s", got.type, got.bytes);
    TELL(msgrcv(id, &got, (size_t)-1, 0, IPC_NOWAIT));
    TELL(msgrcv(id, &got, (size_t)1 << 40, 0, IPC_NOWAIT));
    one.type = 0;
    TELL(msgsnd(id, &one, 6, 0));
    TELL(msgsnd(id, NOWHERE, 6, 0));
    TELL(msgsnd(id, &two, 100000000, 0));
    TELL(msgsnd(id, &two, (size_t)-1, 0));
    TELL(msgsnd(id, &two, 5, 0));
    TELL(msgrcv(id, NOWHERE, 6, 0, 0));
    TELL(msgrcv(id, &got, 6, 0, IPC_NOWAIT));
    status.msg_qbytes = 4096;
    TELL(msgctl(id, IPC_SET, &status));
    TELL(msgctl(id, IPC_STAT, &status));
    SHOW("%d", (int)status.msg_qbytes);
    TELL(msgctl(id, IPC_STAT, NOWHERE));
    TELL(msgctl(id, IPC_RMID, 0));
    TELL(msgsnd(id, &two, 5, 0));
    return 0;
}
