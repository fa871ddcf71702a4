/* long host_call_raw(volatile int32_t *pending, long number, const long args[6]); see arch/x86_64/host_call.S. */
        .text
        .globl  host_call_raw, host_call_start, host_call_end, host_call_abandon
        .hidden host_call_raw, host_call_start, host_call_end, host_call_abandon
        .type   host_call_raw, @function
host_call_raw:
        mv      t0, a0
        mv      a7, a1
        mv      t1, a2
        ld      a0, 0(t1)
        ld      a1, 8(t1)
        ld      a2, 16(t1)
        ld      a3, 24(t1)
        ld      a4, 32(t1)
        ld      a5, 40(t1)
host_call_start:
        lw      t2, 0(t0)
        bnez    t2, host_call_abandon
        ecall
host_call_end:
        ret
host_call_abandon:
        li      a0, -512
        ret
        .section .note.GNU-stack, "", @progbits
