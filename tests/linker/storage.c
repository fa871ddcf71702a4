/* Thread-local variables of all kinds; the model of access is the compiler's -ftls-model or -mtls-dialect. */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

static int target = 7;
__thread int counter = 41;
__thread int *pointer = &target;
#ifdef SMALL /* fixed offsets are scarce */
enum { EMPTY = 16, ALIGN = 64 };
#else
enum { EMPTY = 5000, ALIGN = 256 };
#endif
__thread char spread[3] __attribute__((aligned(ALIGN))) = "ab";
__thread char empty[EMPTY];
#ifdef LOCAL
#define OWN __attribute__((tls_model("local-dynamic")))
#else
#define OWN
#endif
static __thread int own OWN = 5, other_own OWN;
extern __thread int elsewhere;
extern __thread int nowhere __attribute__((weak));

int next(void)
{
    return ++counter;
}

int *address(void)
{
    return &counter;
}

/* Number of the first thing that is not as it has to be in a thread that has just begun; 0. */
int fresh(void)
{
    if (counter != 41)
        return 1;
    if (pointer != &target || *pointer != 7)
        return 2;
    if ((uintptr_t)spread % ALIGN || spread[0] != 'a' || spread[1] != 'b')
        return 3;
    for (int i = 0; i < EMPTY; i++)
        if (empty[i])
            return 4;
    if (own != 5 || other_own)
        return 5;
    return elsewhere == 1000 ? 0 : 6;
}

static void *work(void *user)
{
    (void)user;
    intptr_t wrong = fresh();
    for (int i = 0; i < 1000; i++) {
        counter++;
        own += 2;
        other_own--;
        elsewhere++;
        empty[i % EMPTY] = 1;
        errno = i;
    }
    if (!wrong && (counter != 1041 || own != 2005 || other_own != -1000 || elsewhere != 2000 || errno != 999))
        wrong = 7;
    return (void *)wrong;
}

/* The sum of what `count` threads found wrong. */
int threads(int count)
{
    pthread_t *all = calloc((size_t)count, sizeof *all);
    int wrong = 0;
    for (int i = 0; i < count; i++)
        if (pthread_create(&all[i], NULL, work, NULL))
            return -1;
    for (int i = 0; i < count; i++) {
        void *result;
        pthread_join(all[i], &result);
        wrong += (int)(intptr_t)result;
    }
    free(all);
    return wrong;
}

/* Whether the weak variable that nothing defines is where it is in ld.so: only descriptors make that 0. */
int64_t weak_place(void)
{
    return (int64_t)(uintptr_t)&nowhere;
}

int set_errno(int value)
{
    errno = value;
    return errno;
}
