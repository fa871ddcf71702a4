/* long host_call_raw(volatile int32_t *pending, long number, const long args[6])
 *
 * Between host_call_start and host_call_end a signal handler sends us to host_call_abandon: the system call has not begun,
 * or the kernel would begin it again (after a restart it stands before the instruction once more). */
        .text
        .globl  host_call_raw, host_call_start, host_call_end, host_call_abandon, host_signal_return
        .hidden host_call_raw, host_call_start, host_call_end, host_call_abandon, host_signal_return
        .type   host_call_raw, @function
host_call_raw:
        pushq   %r12
        movq    %rdi, %r12
        movq    %rsi, %rax
        movq    %rdx, %r11
        movq    (%r11), %rdi
        movq    8(%r11), %rsi
        movq    16(%r11), %rdx
        movq    24(%r11), %r10
        movq    32(%r11), %r8
        movq    40(%r11), %r9
host_call_start:
        cmpl    $0, (%r12)
        jne     host_call_abandon
        syscall
host_call_end:
        popq    %r12
        ret
host_call_abandon:
        movq    $-512, %rax
        popq    %r12
        ret

        .type   host_signal_return, @function
host_signal_return:
        movl    $15, %eax               /* rt_sigreturn */
        syscall
        .section .note.GNU-stack, "", @progbits
