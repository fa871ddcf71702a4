/* long host_call_raw(volatile int32_t *pending, long number, const long args[6]); see arch/x86_64/host_call.S. */
        .text
        .globl  host_call_raw, host_call_start, host_call_end, host_call_abandon, host_signal_return
        .hidden host_call_raw, host_call_start, host_call_end, host_call_abandon, host_signal_return
        .type   host_call_raw, %function
host_call_raw:
        mov     x9, x0
        mov     x8, x1
        mov     x10, x2
        ldp     x0, x1, [x10]
        ldp     x2, x3, [x10, #16]
        ldp     x4, x5, [x10, #32]
host_call_start:
        ldr     w11, [x9]
        cbnz    w11, host_call_abandon
        svc     #0
host_call_end:
        ret
host_call_abandon:
        mov     x0, #-512
        ret

        .type   host_signal_return, %function
host_signal_return:
        mov     x8, #139
        svc     #0
        .section .note.GNU-stack, "", %progbits
