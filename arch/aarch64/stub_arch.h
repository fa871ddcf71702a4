/* AArch64 facts for the freestanding stub: system calls (the asm-generic numbers) and constants. */
#ifndef MINILOAD_STUB_ARCH_H
#define MINILOAD_STUB_ARCH_H

#include <stddef.h>
#include <stdint.h>

enum { ARCH_MACHINE = 183 }; /* EM_AARCH64 */

enum {
    SYS_openat = 56, SYS_close = 57, SYS_read = 63, SYS_write = 64, SYS_pread64 = 67, SYS_readlinkat = 78, SYS_personality = 92, SYS_exit_group = 94,
    SYS_rt_sigaction = 134, SYS_rt_sigprocmask = 135, SYS_prctl = 167, SYS_munmap = 215, SYS_execve = 221, SYS_mmap = 222, SYS_mprotect = 226,
    SYS_getrandom = 278, SYS_memfd_create = 279, SYS_statx = 291,
};

static inline long arch_syscall6(long nr, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = nr;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}

/* The vDSO's `svc; ret` would leave the system call's arguments in x0 to x5, x8 and the return address in x30, so the stub's
 * last page stays mapped here: register contents at entry are worth more. */
static inline uintptr_t arch_exit_gadget(const uint8_t *text, size_t size)
{
    (void)text;
    (void)size;
    return 0;
}

#endif
