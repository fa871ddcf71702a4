/* x86-64 facts for the freestanding stub: system calls, constants, and the way out of its own last page. */
#ifndef MINILOAD_STUB_ARCH_H
#define MINILOAD_STUB_ARCH_H

#include <stddef.h>
#include <stdint.h>

enum { ARCH_MACHINE = 62 }; /* EM_X86_64 */

enum {
    SYS_read = 0, SYS_write = 1, SYS_close = 3, SYS_mmap = 9, SYS_mprotect = 10, SYS_munmap = 11, SYS_rt_sigaction = 13, SYS_rt_sigprocmask = 14,
    SYS_pread64 = 17,
    SYS_execve = 59, SYS_personality = 135, SYS_prctl = 157, SYS_exit_group = 231, SYS_openat = 257, SYS_readlinkat = 267,
    SYS_getrandom = 318, SYS_memfd_create = 319, SYS_statx = 332,
};

static inline long arch_syscall6(long nr, long a, long b, long c, long d, long e, long f)
{
    long ret;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(ret)
                     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return ret;
}

/* The length of `xor reg, reg` at `code` and, in *cleared, the bit of the register it zeroes; 0 if it is something else. */
static inline size_t arch_xor_self(const uint8_t *code, size_t room, uint32_t *cleared)
{
    size_t prefix = room > 0 && code[0] == 0x45; /* REX.RB: r8 to r15 */
    if (room < prefix + 2 || code[prefix] != 0x31)
        return 0;
    uint8_t modrm = code[prefix + 1];
    if ((modrm >> 6) != 3 || ((modrm >> 3) & 7) != (modrm & 7))
        return 0;
    *cleared |= 1u << ((modrm & 7) + 8 * prefix);
    return prefix + 2;
}

/* Whether `syscall` (0f 05) starts at code[0] to code[7]; nine bytes are read. Two tests for an equal 16-bit lane, one for each
 * parity of the place: the search is on the way of every start, and byte by byte it takes as long as several system calls. */
static inline int arch_syscall_in(const uint8_t *code)
{
    const uint64_t ones = 0x0001000100010001, tops = ones << 15;
    uint64_t even, odd;
    __builtin_memcpy(&even, code, sizeof even);
    __builtin_memcpy(&odd, code + 1, sizeof odd);
    even ^= 0x050f * ones;
    odd ^= 0x050f * ones;
    return ((((even - ones) & ~even) | ((odd - ones) & ~odd)) & tops) != 0;
}

/* The place that arch_exit_gadget() looks for, if it is at `code`. */
static inline int arch_is_gadget(const uint8_t *code, size_t room)
{
    const uint32_t needed = 1u << 1 | 1u << 6 | 1u << 7 | 1u << 11; /* rcx rsi rdi r11 */
    if (room < 3 || code[0] != 0x0f || code[1] != 0x05)
        return 0;
    uint32_t cleared = 0;
    size_t at = 2, step;
    while ((step = arch_xor_self(code + at, room - at, &cleared)) != 0)
        at += step;
    return at < room && code[at] == 0xc3 && (cleared & needed) == needed;
}

/* A place in the vDSO from where munmap of the stub's last page can be made: `syscall`, then nothing but zeroing of
 * registers, then `ret`. Kernels built with CONFIG_ZERO_CALL_USED_REGS end their vDSO functions so; what such a `syscall`
 * leaves behind (rcx, r11) and needs (rdi, rsi) is then zero again when the program starts, as after the kernel's exec.
 * Returns the address of the `syscall`, or 0 if this vDSO has no such place. */
static inline uintptr_t arch_exit_gadget(const uint8_t *text, size_t size)
{
    for (size_t at = 0; at + 9 <= size; at += 8) { /* none starts in the last eight bytes: it has twelve at least */
        if (!arch_syscall_in(text + at))
            continue;
        for (size_t i = at; i < at + 8; i++)
            if (arch_is_gadget(text + i, size - i))
                return (uintptr_t)(text + i);
    }
    return 0;
}

#endif
