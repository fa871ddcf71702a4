/* Lazy binding on RISC-V, for miniload/linker/lazy.c: where the PLT looks (riscv-elf, "Program Linkage Table"). */
#ifndef MINILOAD_LAZY_ARCH_H
#define MINILOAD_LAZY_ARCH_H

#include <stdint.h>

enum { GOT_TRAMPOLINE = 0, GOT_OBJECT = 1, GOT_WORDS = 2 };

static inline void lazy_arch_state(uint32_t *size, uint32_t *mask)
{
    *size = *mask = 0;
}

#endif
