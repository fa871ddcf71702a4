/* Recursive and error-checking mutexes, and one that is waited for with a limit. */
#include "behaviour.h"

static pthread_mutex_t plain = PTHREAD_MUTEX_INITIALIZER, checking, recursive;

static void *other(void *argument)
{
    (void)argument;
    say("unlock another's: %s", error_name(pthread_mutex_unlock(&checking)));
    say("try another's: %s", error_name(pthread_mutex_trylock(&recursive)));
    struct timespec soon;
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_nsec += 20000000;
    soon.tv_sec += soon.tv_nsec / 1000000000;
    soon.tv_nsec %= 1000000000;
    say("timed: %s", error_name(pthread_mutex_timedlock(&plain, &soon)));
    return NULL;
}

int main(void)
{
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&checking, &kind);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&recursive, &kind);
    pthread_mutex_lock(&checking);
    say("again: %s", error_name(pthread_mutex_lock(&checking)));
    pthread_mutex_lock(&recursive);
    say("recursive: %s", error_name(pthread_mutex_lock(&recursive)));
    pthread_mutex_lock(&plain);
    pthread_t thread;
    NEED(pthread_create(&thread, NULL, other, NULL) == 0);
    pthread_join(thread, NULL);
    say("unlock: %s", error_name(pthread_mutex_unlock(&checking)));
    say("unlock twice: %s", error_name(pthread_mutex_unlock(&checking)));
    return 0;
}
