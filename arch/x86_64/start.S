/* Where the kernel starts the stub. The kernel's stack will be rewritten, so the stub works on one of its own. */
    .globl _start
    .hidden stub_stack
    .hidden stub_main
    .section .text.start, "ax", @progbits
_start:
    xorl %ebp, %ebp
    movq %rsp, %rdi
    leaq stub_stack+16384(%rip), %rsp
    call stub_main
    hlt

    .section .note.GNU-stack, "", @progbits
