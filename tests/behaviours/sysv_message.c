/* System V message queues between processes: by type, lowest type first, too long, none, removed. */
#include <sys/ipc.h>
#include <sys/msg.h>

#include "behaviour.h"

struct message {
    long type;
    char text[32];
};

int main(void)
{
    int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    NEED(id >= 0);
    pid_t child = fork();
    NEED(child >= 0);
    if (!child) {
        static const long types[] = {5, 3, 4, 3};
        for (int i = 0; i < 4; i++) {
            struct message message = {.type = types[i]};
            snprintf(message.text, sizeof message.text, "message %d", i);
            NEED(msgsnd(id, &message, strlen(message.text) + 1, 0) == 0);
        }
        _exit(0);
    }
    say("%s", wait_text(child));
    struct message got;
    struct msqid_ds status;
    NEED(msgctl(id, IPC_STAT, &status) == 0);
    say("waiting %d, bytes %d", (int)status.msg_qnum, (int)status.__msg_cbytes);
    ssize_t size = msgrcv(id, &got, 32, 4, 0);
    say("of type 4: %zd %s", size, got.text);
    size = msgrcv(id, &got, 32, -4, 0);
    say("lowest: %zd %s (%ld)", size, got.text, got.type);
    size = msgrcv(id, &got, 32, 3, MSG_EXCEPT);
    say("not of type 3: %zd %s", size, got.text);
    say("too long: %s", outcome(msgrcv(id, &got, 3, 0, 0)));
    memset(&got, 0, sizeof got);
    size = msgrcv(id, &got, 3, 0, MSG_NOERROR);
    say("cut: %zd %.3s", size, got.text);
    say("none: %s", outcome(msgrcv(id, &got, 32, 0, IPC_NOWAIT)));
    got.type = 0;
    say("bad type: %s", outcome(msgsnd(id, &got, 1, 0)));
    NEED(msgctl(id, IPC_RMID, NULL) == 0);
    say("removed: %s", outcome(msgrcv(id, &got, 32, 0, IPC_NOWAIT)));
    return 0;
}
