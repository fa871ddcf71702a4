/* RISC-V 64: the system call, and what the machine has beside general registers. */
#ifndef PROBE_RISCV64_H
#define PROBE_RISCV64_H

#include <stddef.h>
#include <stdint.h>

#include "asm_generic.h"
#include "json.h"

#define MACHINE_NAME "riscv64"
#define MACHINE_REGISTER_NAMES \
    "ra", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", \
    "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"
enum {
    MACHINE_REGISTERS = 30,
    MACHINE_SPOILT_WORDS = 1, /* below the stack pointer, by _start */
    ENTRY_MACHINE = 256,
};

struct machine_state {
    uint64_t f[32];
    uint64_t fcsr;
};

static inline long system_call(long number, long a, long b, long c, long d, long e)
{
    register long a7 __asm__("a7") = number;
    register long a0 __asm__("a0") = a;
    register long a1 __asm__("a1") = b;
    register long a2 __asm__("a2") = c;
    register long a3 __asm__("a3") = d;
    register long a4 __asm__("a4") = e;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4) : "memory");
    return a0;
}

static inline void show_machine_state(const struct machine_state *state)
{
    json_member("fcsr", state->fcsr);
    json_key("f");
    json_hex(state->f, sizeof state->f);
}

#endif
