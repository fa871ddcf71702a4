/* RISC-V 64 facts for the freestanding stub: system calls (the asm-generic numbers) and constants. */
#ifndef MINILOAD_STUB_ARCH_H
#define MINILOAD_STUB_ARCH_H

#include <stddef.h>
#include <stdint.h>

enum { ARCH_MACHINE = 243 }; /* EM_RISCV */

enum {
    SYS_openat = 56, SYS_close = 57, SYS_read = 63, SYS_write = 64, SYS_pread64 = 67, SYS_readlinkat = 78, SYS_personality = 92, SYS_exit_group = 94,
    SYS_rt_sigaction = 134, SYS_rt_sigprocmask = 135, SYS_prctl = 167, SYS_munmap = 215, SYS_execve = 221, SYS_mmap = 222, SYS_mprotect = 226,
    SYS_getrandom = 278, SYS_memfd_create = 279, SYS_statx = 291,
};

static inline long arch_syscall6(long nr, long a, long b, long c, long d, long e, long f)
{
    register long a7 __asm__("a7") = nr;
    register long a0 __asm__("a0") = a;
    register long a1 __asm__("a1") = b;
    register long a2 __asm__("a2") = c;
    register long a3 __asm__("a3") = d;
    register long a4 __asm__("a4") = e;
    register long a5 __asm__("a5") = f;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5) : "memory");
    return a0;
}

/* The vDSO's `ecall; ret` would leave the system call's arguments in a1 and a7 and the return address in ra, so the stub's
 * last page stays mapped here: register contents at entry are worth more. */
static inline uintptr_t arch_exit_gadget(const uint8_t *text, size_t size)
{
    (void)text;
    (void)size;
    return 0;
}

#endif
