/* Where the kernel starts the stub. The kernel's stack will be rewritten, so the stub works on one of its own. */
    .globl _start
    .hidden stub_stack
    .hidden stub_main
    .section .text.start, "ax", @progbits
_start:
    li ra, 0
    li s0, 0
    mv a0, sp
    lla sp, stub_stack+16384
    call stub_main
    ebreak

    .section .note.GNU-stack, "", @progbits
