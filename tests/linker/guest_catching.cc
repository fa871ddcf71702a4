// Catches what it throws itself, what guest_throwing.cc throws, and what passes through that, libc and Python. Each function's result tells what was caught, and how many
// destructors have run: 100 for each.
#include <pthread.h>
#include <stdlib.h>

#include "guest_exceptions.h"

static int thrower(int number)
{
    if (number > 50)
        throw_object(number);
    throw number;
}

static int compare(const void *, const void *)
{
    throw 5L;
}

extern "C" int catch_it(int kind)
{
    int count = 0;
    try {
        Guard guard(&count);
        switch (kind) {
        case 0: throw 1;
        case 1: throw_number(2); break;
        case 2: throw_object(3); break;
        case 3: return pass_on(thrower, 4, &count);
        case 4: return pass_on(thrower, 60, &count);
        case 5: return throw_again(thrower, 5, &count);
        case 6: return throw_again(thrower, 61, &count);
        case 7: {
            int numbers[4] = {3, 2, 1, 0};
            qsort(numbers, 4, sizeof *numbers, compare);
            break;
        }
        case 8:
            try {
                throw_number(7);
            } catch (long) {
                return -2;
            }
            break;
        }
    } catch (int number) {
        return 1000 + number + count;
    } catch (long number) {
        return 2000 + (int)number + count;
    } catch (const Base &object) {
        return 3000 + object.value() + count;
    }
    return -1;
}

static int last;

extern "C" int through(int (*call)(int), int argument)
{
    last = 0;
    Guard guard(&last);
    return call(argument) + 1;
}

extern "C" int destroyed(void) { return last; }

static void *in_thread(void *)
{
    last = catch_it(3);
    return nullptr;
}

static void *ends(void *)
{
    Guard guard(&last);
    pthread_exit(nullptr);
}

static int join(void *(*function)(void *))
{
    pthread_t thread;
    last = 0;
    if (pthread_create(&thread, nullptr, function, nullptr) || pthread_join(thread, nullptr))
        return -1;
    return last;
}

extern "C" int catch_in_thread(void) { return join(in_thread); }
extern "C" int end_thread(void) { return join(ends); }

static int early;
__attribute__((constructor)) static void begin()
{
    try {
        throw_number(6);
    } catch (int number) {
        early = number;
    }
}
extern "C" int caught_early(void) { return early; }
