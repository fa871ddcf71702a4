/* Lazy binding on AArch64, for miniload/linker/lazy.c: where the PLT looks (sysvabi64, "Program Linkage Table"; binutils and lld agree). */
#ifndef MINILOAD_LAZY_ARCH_H
#define MINILOAD_LAZY_ARCH_H

#include <stdint.h>

enum { GOT_OBJECT = 1, GOT_TRAMPOLINE = 2, GOT_WORDS = 3 };

static inline void lazy_arch_state(uint32_t *size, uint32_t *mask)
{
    *size = *mask = 0;
}

#endif
