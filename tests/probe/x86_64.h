/* x86-64: the system call, and what the machine has beside general registers. */
#ifndef PROBE_X86_64_H
#define PROBE_X86_64_H

#include <stddef.h>
#include <stdint.h>

#include "json.h"

enum {
    SYS_read = 0, SYS_write = 1, SYS_close = 3, SYS_brk = 12, SYS_rt_sigaction = 13, SYS_rt_sigprocmask = 14, SYS_getitimer = 36,
    SYS_fcntl = 72, SYS_getcwd = 79, SYS_umask = 95, SYS_getgroups = 115, SYS_getresuid = 118, SYS_getresgid = 120,
    SYS_rt_sigpending = 127, SYS_sigaltstack = 131, SYS_personality = 135, SYS_getpriority = 140, SYS_sched_getscheduler = 145,
    SYS_prctl = 157, SYS_arch_prctl = 158, SYS_sched_getaffinity = 204, SYS_getdents64 = 217, SYS_exit_group = 231,
    SYS_get_mempolicy = 239, SYS_ioprio_get = 252, SYS_openat = 257, SYS_readlinkat = 267, SYS_get_robust_list = 274, SYS_rseq = 334,
};

#define MACHINE_NAME "x86_64"
#define MACHINE_REGISTER_NAMES \
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"
enum {
    MACHINE_REGISTERS = 15,
    MACHINE_SPOILT_WORDS = 0, /* below the stack pointer, by _start */
    ENTRY_MACHINE = 192,
};

struct machine_state {
    uint8_t fxsave[512];
    uint16_t selectors[6]; /* cs ss ds es fs gs */
};

static inline long system_call(long number, long a, long b, long c, long d, long e)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
}

static inline void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    __asm__ volatile("cpuid" : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3]) : "a"(leaf), "c"(subleaf));
}

/* Which state components are not in their initial state (XINUSE), where the processor tells. */
static inline void show_extended_state(void)
{
    uint32_t basic[4], state[4], features[4], low, high;
    cpuid(1, 0, basic);
    if (basic[2] & 1u << 27) { /* OSXSAVE */
        cpuid(0xd, 1, state);
        if (state[0] & 1u << 2) {
            __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(1));
            json_member("xinuse", (uint64_t)high << 32 | low);
        }
    }
    cpuid(7, 0, features);
    if (features[2] & 1u << 4) { /* OSPKE */
        __asm__ volatile("rdpkru" : "=a"(low), "=d"(high) : "c"(0));
        json_member("pkru", low);
    }
}

static inline void show_machine_state(const struct machine_state *state)
{
    static const struct { char name[20]; long code; } queries[] = {
        {"fs_base", 0x1003}, {"gs_base", 0x1004}, {"xcomp_permissions", 0x1022}, {"shadow_stack", 0x5005},
        {"untag_mask", 0x4001}, {"max_tag_bits", 0x4003},
    };
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        uint64_t value = 0;
        long error = system_call(SYS_arch_prctl, queries[i].code, (long)&value, 0, 0, 0);
        if (error)
            json_signed_member(queries[i].name, error);
        else
            json_member(queries[i].name, value);
    }
    json_signed_member("cpuid_allowed", system_call(SYS_arch_prctl, 0x1011, 0, 0, 0, 0));
    json_key("selectors");
    json_open('[');
    for (size_t i = 0; i < 6; i++)
        json_number(state->selectors[i]);
    json_close(']');
    const uint8_t *image = state->fxsave;
    json_member("fcw", (uint64_t)(image[0] | image[1] << 8));
    json_member("fsw", (uint64_t)(image[2] | image[3] << 8));
    json_member("ftw", image[4]);
    json_key("fop_fip_fdp");
    json_hex(image + 6, 18);
    json_key("mxcsr");
    json_number((uint64_t)image[24] | (uint64_t)image[25] << 8 | (uint64_t)image[26] << 16 | (uint64_t)image[27] << 24);
    json_key("st");
    json_hex(image + 32, 128);
    json_key("xmm");
    json_hex(image + 160, 256);
    show_extended_state();
}

#endif
