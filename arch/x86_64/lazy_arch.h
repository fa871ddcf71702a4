/* Lazy binding on x86-64, for miniload/linker/lazy.c: where the PLT looks (psABI, "Procedure Linkage Table"), and what arguments may be in. */
#ifndef MINILOAD_LAZY_ARCH_H
#define MINILOAD_LAZY_ARCH_H

#include <stdint.h>

enum { GOT_OBJECT = 1, GOT_TRAMPOLINE = 2, GOT_WORDS = 3 };

static inline void lazy_cpuid(uint32_t leaf, uint32_t part, uint32_t out[4])
{
    __asm__ volatile("cpuid" : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3]) : "a"(leaf), "c"(part));
}

/* Which state components XSAVE has to keep, and how much room they take; mask 0: FXSAVE has to do. SSE, AVX, BNDREGS, opmask, ZMM_Hi256, Hi16_ZMM
 * (glibc's STATE_SAVE_MASK), as far as the kernel has enabled them. */
static inline void lazy_arch_state(uint32_t *size, uint32_t *mask)
{
    enum { OSXSAVE = 1 << 27, WANTED = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 6 | 1 << 7, LEGACY = 512, HEADER = 64 };
    uint32_t words[4], low, high;
    *size = LEGACY;
    *mask = 0;
    lazy_cpuid(1, 0, words);
    if (!(words[2] & OSXSAVE))
        return;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    *mask = low & WANTED;
    *size = LEGACY + HEADER;
    for (uint32_t i = 2; i < 8; i++) {
        lazy_cpuid(13, i, words); /* its size and offset */
        if (*mask >> i & 1 && words[0] + words[1] > *size)
            *size = words[0] + words[1];
    }
}

#endif
