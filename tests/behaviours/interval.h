/* One of setitimer's three timers: repeated while the program computes; one shot; getitimer; off. */
#include "behaviour.h"

static volatile int handled;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info, (void)context;
    handled++;
}

static void compute_until(int count)
{
    while (handled < count)
        for (volatile int i = 0; i < 10000; i++)
            ;
}

static int keep_time(int which, int signal)
{
    struct itimerval repeat = {{0, 20000}, {0, 20000}}, once = {{0, 0}, {0, 30000}}, off = {{0, 0}, {0, 0}}, now;
    catch_signal(signal, handler, 0);
    NEED(setitimer(which, &repeat, NULL) == 0);
    compute_until(5);
    NEED(getitimer(which, &now) == 0);
    say("5 times, interval %ld, left %d", (long)now.it_interval.tv_usec, now.it_value.tv_sec == 0 && now.it_value.tv_usec <= 24000);
    NEED(setitimer(which, &off, &now) == 0);
    say("was on %d", now.it_interval.tv_usec == 20000);
    handled = 0;
    NEED(setitimer(which, &once, NULL) == 0);
    compute_until(1);
    NEED(getitimer(which, &now) == 0);
    say("once, left %ld", (long)now.it_value.tv_usec);
    once.it_value.tv_usec = 1000000;
    say("bad: %s, %s", outcome(setitimer(which, &once, NULL)), outcome(setitimer(9, &off, NULL)));
    return 0;
}
