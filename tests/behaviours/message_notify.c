/* mq_notify: by a signal with its value, by a thread, and none; one process at a time may ask, and each time it has to ask anew. */
#include <mqueue.h>
#include <semaphore.h>

#include "behaviour.h"

static volatile sig_atomic_t signals, value, code;
static sem_t told;

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    (void)number;
    signals++;
    value = info->si_value.sival_int;
    code = info->si_code == SI_MESGQ;
}

static void on_thread(union sigval argument)
{
    value = argument.sival_int;
    sem_post(&told);
}

int main(void)
{
    char name[32], text[16];
    snprintf(name, sizeof name, "/behaviour-%d", getpid());
    struct mq_attr attributes = {.mq_maxmsg = 4, .mq_msgsize = sizeof text};
    mqd_t queue = mq_open(name, O_CREAT | O_RDWR, 0600, &attributes);
    NEED(queue >= 0);
    mq_unlink(name);
    catch_signal(SIGUSR1, on_signal, 0);
    sem_init(&told, 0, 0);

    struct sigevent by_signal = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 41};
    say("by signal: %s", outcome(mq_notify(queue, &by_signal)));
    say("once more: %s", outcome(mq_notify(queue, &by_signal)));
    for (int i = 0; i < 2; i++)
        NEED(mq_send(queue, "message", 8, 0) == 0);
    pause_ms(50);
    say("signals %d, value %d, of a queue %d", (int)signals, (int)value, (int)code);
    for (int i = 0; i < 2; i++)
        NEED(mq_receive(queue, text, sizeof text, NULL) == 8);

    struct sigevent by_thread = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_thread, .sigev_value.sival_int = 42};
    say("by thread: %s", outcome(mq_notify(queue, &by_thread)));
    NEED(mq_send(queue, "message", 8, 0) == 0);
    while (sem_wait(&told))
        ;
    say("value %d", (int)value);
    say("withdrawn: %s", outcome(mq_notify(queue, NULL)));
    struct sigevent wrong = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = 100};
    say("wrong signal: %s", outcome(mq_notify(queue, &wrong)));
    say("no queue: %s", outcome(mq_notify(500, &by_signal)));
    return 0;
}
