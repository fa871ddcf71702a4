/* Where the kernel starts the stub. The kernel's stack will be rewritten, so the stub works on one of its own. */
    .globl _start
    .hidden stub_stack
    .hidden stub_main
    .section .text.start, "ax", %progbits
_start:
    mov x29, xzr
    mov x30, xzr
    mov x0, sp
    adrp x1, stub_stack+16384
    add x1, x1, :lo12:stub_stack+16384
    mov sp, x1
    bl stub_main
    brk #0

    .section .note.GNU-stack, "", %progbits
