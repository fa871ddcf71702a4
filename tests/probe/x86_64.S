/* Saves every register to `entry` (entry.h) before one is changed, and continues on a stack of the probe's own:
 *
 *     entry.sp = rsp;  entry.registers = {rax, ...};  entry.flags = rflags;  fxsave(entry.machine);  probe_main();
 *
 * mov and lea leave the flags alone, and by the time pushf needs a stack, the real one is out of reach.
 */
    .globl _start
    .section .text.start, "ax", @progbits
_start:
    movq %rsp, entry(%rip)
    movq %rax, entry+16(%rip)
    movq %rbx, entry+24(%rip)
    movq %rcx, entry+32(%rip)
    movq %rdx, entry+40(%rip)
    movq %rsi, entry+48(%rip)
    movq %rdi, entry+56(%rip)
    movq %rbp, entry+64(%rip)
    movq %r8, entry+72(%rip)
    movq %r9, entry+80(%rip)
    movq %r10, entry+88(%rip)
    movq %r11, entry+96(%rip)
    movq %r12, entry+104(%rip)
    movq %r13, entry+112(%rip)
    movq %r14, entry+120(%rip)
    movq %r15, entry+128(%rip)
    leaq probe_stack+65536(%rip), %rsp
    pushfq
    popq entry+8(%rip)
    fxsave64 entry+192(%rip)
    movw %cs, entry+192+512(%rip)
    movw %ss, entry+192+514(%rip)
    movw %ds, entry+192+516(%rip)
    movw %es, entry+192+518(%rip)
    movw %fs, entry+192+520(%rip)
    movw %gs, entry+192+522(%rip)
    cld
    xorl %ebp, %ebp
    call probe_main
    hlt

#ifdef PROBE_INTERPRETER /* makes a PT_INTERP: the program is entered through that file */
    .section .interp, "aR", @progbits
    .asciz PROBE_INTERPRETER
#endif

    .section .note.GNU-stack, "", @progbits
