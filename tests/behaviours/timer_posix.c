/* timer_create with a signal and a value: code, value, overruns while it is blocked; gettime; deleted. */
#include "behaviour.h"

static volatile int handled, value, code, overrun;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    value = info->si_value.sival_int;
    code = info->si_code == SI_TIMER;
    if (info->si_overrun > overrun)
        overrun = info->si_overrun;
    handled++;
}

int main(void)
{
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 2, .sigev_value = {.sival_int = 321}};
    struct itimerspec spec = {{0, 5000000}, {0, 5000000}}, now, off = {{0, 0}, {0, 0}};
    catch_signal(SIGRTMIN + 2, handler, 0);
    NEED(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    NEED(timer_settime(timer, 0, &spec, NULL) == 0);
    while (handled < 3)
        pause_ms(1);
    say("value %d, code %d", value, code);
    NEED(timer_gettime(timer, &now) == 0);
    say("interval %ld", now.it_interval.tv_nsec);
    sigset_t set = set_of(SIGRTMIN + 2, 0);
    sigprocmask(SIG_BLOCK, &set, NULL);
    pause_ms(60);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    say("overruns %d", overrun >= 5 && timer_getoverrun(timer) >= 0);
    NEED(timer_settime(timer, 0, &off, NULL) == 0);
    NEED(timer_delete(timer) == 0);
    int before = handled;
    pause_ms(20);
    say("silent %d", handled == before);
    event.sigev_notify = SIGEV_NONE;
    NEED(timer_create(CLOCK_REALTIME, &event, &timer) == 0);
    spec.it_value.tv_sec = 100;
    NEED(timer_settime(timer, 0, &spec, NULL) == 0 && timer_gettime(timer, &now) == 0);
    say("none: left %d", now.it_value.tv_sec >= 99);
    struct sigevent bad = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = 99};
    say("bad signal: %s", outcome(timer_create(CLOCK_MONOTONIC, &bad, &timer)));
    return 0;
}
