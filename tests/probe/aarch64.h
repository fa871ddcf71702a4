/* AArch64: the system call, and what the machine has beside general registers. */
#ifndef PROBE_AARCH64_H
#define PROBE_AARCH64_H

#include <stddef.h>
#include <stdint.h>

#include "asm_generic.h"
#include "json.h"

#define MACHINE_NAME "aarch64"
#define MACHINE_REGISTER_NAMES \
    "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", \
    "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30"
enum {
    MACHINE_REGISTERS = 31,
    MACHINE_SPOILT_WORDS = 1, /* below the stack pointer, by _start */
    ENTRY_MACHINE = 320,
};

struct machine_state {
    uint64_t v[64];
    uint64_t fpcr, fpsr, tpidr_el0;
};

static inline long system_call(long number, long a, long b, long c, long d, long e)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
}

static inline void show_machine_state(const struct machine_state *state)
{
    json_member("fpcr", state->fpcr);
    json_member("fpsr", state->fpsr);
    json_member("tpidr_el0", state->tpidr_el0);
    json_key("v");
    json_hex(state->v, sizeof state->v);
}

#endif
