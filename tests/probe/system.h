/* System calls and kernel constants for the probe: freestanding, no libc, errors as -errno. */
#ifndef PROBE_SYSTEM_H
#define PROBE_SYSTEM_H

#include <stddef.h>
#include <stdint.h>

#include PROBE_MACHINE /* <arch>.h: system_call(), the numbers, and what that machine has beside general registers */

enum { AT_FDCWD = -100, O_RDONLY = 0, O_CLOEXEC = 02000000 };

static inline long call(long number, long a, long b, long c, long d, long e)
{
    return system_call(number, a, b, c, d, e);
}
#define CALL(number, a, b, c, d, e) call((number), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e))

#endif
