/* check() calls each function of arguments.h once, through its slot in the PLT: 0, or the number of the first that did not get what was given. */
#include "arguments.h"

#ifdef __x86_64__
/* Whether CPUID has the feature and the kernel has enabled its registers (`state` of XCR0). */
static int usable(unsigned leaf, unsigned register_number, unsigned bit, unsigned state)
{
    unsigned r[4], low, high;
    __asm__("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(1), "c"(0));
    if (!(r[2] >> 27 & 1))
        return 0;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    __asm__("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(0));
    return r[register_number] >> bit & 1 && (low & state) == state;
}

#define QUAD32(n) (vector32){2 * n - 1, 0, 0, 2 * n}
#define OCTET64(n) (vector64){2 * n - 1, 0, 0, 0, 0, 0, 0, 2 * n}

__attribute__((target("avx"))) static int check32(void)
{
    return vectors32(QUAD32(1), QUAD32(2), QUAD32(3), QUAD32(4), QUAD32(5), QUAD32(6), QUAD32(7), QUAD32(8));
}

__attribute__((target("avx512f"))) static int check64(void)
{
    return vectors64(OCTET64(1), OCTET64(2), OCTET64(3), OCTET64(4), OCTET64(5), OCTET64(6), OCTET64(7), OCTET64(8));
}
#endif

#define QUAD(n) (vector){2 * n - 1, 0, 0, 2 * n}

int check(void)
{
    struct four four = {1, 2, 3, 4};
    struct large large = {{5, [11] = 6}};
    if (!integers(1, 2, 3, 4, 5, 6, 7, 8, 9, 10))
        return 1;
    if (!doubles(1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5))
        return 2;
    if (!mixed(-1, 2.5, 1L << 40, 3.5f, 'e', -4.5, -7, 0.125f))
        return 3;
    if (!variadic(9, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 77))
        return 4;
    struct large got = returned(100);
    if (got.words[0] != 100 || got.words[11] != 111)
        return 5;
    if (!by_value(four, large, 7))
        return 6;
    if (!vectors(QUAD(1), QUAD(2), QUAD(3), QUAD(4), QUAD(5), QUAD(6), QUAD(7), QUAD(8)))
        return 7;
    if (!wide((__int128)1 << 100, 2.1L, (__int128)3 << 70, -4.3L))
        return 8;
#ifdef __x86_64__
    if (usable(1, 2, 28, 6) && !check32())
        return 9;
    if (usable(7, 1, 16, 0xE6) && !check64())
        return 10;
#endif
    return 0;
}
