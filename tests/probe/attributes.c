/* What system calls tell of the process: credentials, prctl attributes, scheduling, timers, thread state. */
#include "entry.h"
#include "json.h"

/* prctl(2) options of include/uapi/linux/prctl.h. `by_pointer`: the answer is stored, not returned. Names are arrays, as
 * everywhere in the probe: pointers in tables would need a loader that relocates them. */
static const struct option { char name[22]; uint8_t number, by_pointer; } options[] = {
    {"pdeathsig", 2, 1}, {"dumpable", 3, 0}, {"unaligned", 5, 1}, {"keepcaps", 7, 0}, {"fpemu", 9, 1}, {"timing", 13, 0},
    {"endian", 19, 1}, {"seccomp", 21, 0}, {"tsc", 25, 1}, {"securebits", 27, 0}, {"timerslack", 30, 0}, {"mce_kill", 34, 0},
    {"child_subreaper", 37, 1}, {"no_new_privs", 39, 0}, {"tid_address", 40, 1}, {"thp_disable", 42, 0}, {"fp_mode", 46, 0},
    {"sve_vl", 51, 0}, {"tagged_addr_ctrl", 56, 0}, {"io_flusher", 58, 0}, {"sme_vl", 64, 0}, {"mdwe", 66, 0},
    {"memory_merge", 68, 0}, {"riscv_v", 70, 0}, {"shadow_stack_status", 74, 1},
};

static void show_options(void)
{
    json_key("prctl");
    json_open('{');
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        uint64_t value = 0;
        long result = CALL(SYS_prctl, options[i].number, options[i].by_pointer ? &value : 0, 0, 0, 0);
        if (options[i].number == 2 || options[i].number == 37 || options[i].number == 25)
            value &= 0xffffffff; /* these store an int */
        if (result < 0 || !options[i].by_pointer)
            json_signed_member(options[i].name, result);
        else
            json_member(options[i].name, value);
    }
    json_key("speculation");
    json_open('[');
    for (int kind = 0; kind < 3; kind++)
        json_signed(CALL(SYS_prctl, 52, kind, 0, 0, 0));
    json_close(']');
    json_close('}');
}

static void show_ids(void)
{
    static uint32_t groups[65536];
    uint32_t ids[6] = {0};
    CALL(SYS_getresuid, ids, ids + 1, ids + 2, 0, 0);
    CALL(SYS_getresgid, ids + 3, ids + 4, ids + 5, 0, 0);
    json_key("ids"); /* real, effective, saved */
    json_open('[');
    for (size_t i = 0; i < 6; i++)
        json_number(ids[i]);
    json_close(']');
    json_key("groups");
    json_open('[');
    long count = CALL(SYS_getgroups, sizeof groups / sizeof *groups, groups, 0, 0, 0);
    for (long i = 0; i < count; i++)
        json_number(groups[i]);
    json_close(']');
}

static void show_timers(void)
{
    json_key("itimers"); /* interval and remaining time, in microseconds: real, virtual, profiling */
    json_open('[');
    for (int which = 0; which < 3; which++) {
        uint64_t now[4] = {0};
        CALL(SYS_getitimer, which, now, 0, 0, 0);
        json_open('[');
        json_number(now[0] * 1000000 + now[1]);
        json_number(now[2] * 1000000 + now[3]);
        json_close(']');
    }
    json_close(']');
}

/* Registers an area as a libc does at its start: only one can be, so an old one would be in the way. */
static void show_rseq(void)
{
    static uint32_t area[8] __attribute__((aligned(32)));
    enum { RSEQ_FLAG_UNREGISTER = 1, SIGNATURE = 0x53053053 };
    json_signed_member("rseq_register", CALL(SYS_rseq, area, sizeof area, 0, SIGNATURE, 0));
    json_signed_member("rseq_unregister", CALL(SYS_rseq, area, sizeof area, RSEQ_FLAG_UNREGISTER, SIGNATURE, 0));
}

static void show_thread(void)
{
    uint64_t head = 1, size = 0;
    json_signed_member("get_robust_list", CALL(SYS_get_robust_list, 0, &head, &size, 0, 0));
    json_member("robust_list", head);
    show_rseq();
}

static void show_scheduling(void)
{
    uint8_t cpus[128] = {0};
    int32_t mode = -1;
    uint64_t nodes[16] = {0};
    json_signed_member("nice", 20 - CALL(SYS_getpriority, 0, 0, 0, 0, 0));
    json_signed_member("scheduler", CALL(SYS_sched_getscheduler, 0, 0, 0, 0, 0));
    json_signed_member("ioprio", CALL(SYS_ioprio_get, 1, 0, 0, 0, 0));
    CALL(SYS_sched_getaffinity, 0, sizeof cpus, cpus, 0, 0);
    json_key("affinity");
    json_hex(cpus, sizeof cpus);
    CALL(SYS_get_mempolicy, &mode, nodes, 8 * sizeof nodes, 0, 0);
    json_signed_member("mempolicy", mode);
}

void show_attributes(void)
{
    static char cwd[4096];
    long mask = CALL(SYS_umask, 0, 0, 0, 0, 0);
    CALL(SYS_umask, mask, 0, 0, 0, 0);
    json_signed_member("umask", mask);
    json_key("cwd");
    json_text(CALL(SYS_getcwd, cwd, sizeof cwd, 0, 0, 0) > 0 ? cwd : "");
    json_signed_member("personality", CALL(SYS_personality, 0xffffffff, 0, 0, 0, 0));
    show_ids();
    show_options();
    show_timers();
    show_scheduling();
    show_thread();
}
