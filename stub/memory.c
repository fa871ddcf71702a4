/* The two functions that a compiler may call even in freestanding code. */
#include "stub.h"

void *memcpy(void *to, const void *from, size_t size)
{
    uint8_t *d = to;
    const uint8_t *s = from;
    for (; size >= 8 && (((uintptr_t)d | (uintptr_t)s) & 7) == 0; size -= 8, d += 8, s += 8)
        *(volatile uint64_t *)d = *(const uint64_t *)s;
    while (size--)
        *(volatile uint8_t *)d++ = *s++; /* volatile: or this loop would be compiled into a call of itself */
    return to;
}

void *memset(void *to, int value, size_t size)
{
    uint8_t *d = to;
    for (; size >= 8 && ((uintptr_t)d & 7) == 0 && value == 0; size -= 8, d += 8)
        *(volatile uint64_t *)d = 0;
    while (size--)
        *(volatile uint8_t *)d++ = (uint8_t)value;
    return to;
}
