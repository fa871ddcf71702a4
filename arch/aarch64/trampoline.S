/* The last code of miniload that runs: void trampoline(const struct departure *d), d in x0, no stack used, no return.
 *
 *     for (i = 0; i < 4; i++) if (d->unmap[i].size) munmap(d->unmap[i]);
 *     if (d->mm_map) prctl(PR_SET_MM, PR_SET_MM_MAP, d->mm_map, d->mm_map_size), close(d->exe_fd);
 *     clear *d;  enter the program with every register zero
 *
 * Position-independent and within one page (stub.lds), because it may run from a copy. Offsets are those of struct
 * departure (stub/stub.h, asserted there). x16, which the psABI lets any veneer between two functions overwrite, holds the
 * entry point, since a jump needs one register; everything else is zero, as the kernel's start_thread leaves it. The thread
 * pointer and FP state are untouched since exec: the stub has no TLS and is built without FP.
 */
    .globl trampoline
    .hidden trampoline
    .globl trampoline_end
    .hidden trampoline_end
    .section .text.trampoline, "ax", %progbits
    .balign 1024
trampoline:
    mov x19, x0
    add x20, x19, #48
    mov x21, #4
1:  ldp x0, x1, [x20], #16
    cbz x1, 2f
    mov x8, #215                /* munmap */
    svc #0
2:  subs x21, x21, #1
    b.ne 1b

    ldr x2, [x19, #112]
    cbz x2, 3f
    ldr x3, [x19, #120]
    mov x0, #35                 /* PR_SET_MM */
    mov x1, #14                 /* PR_SET_MM_MAP */
    mov x4, xzr
    mov x8, #167                /* prctl */
    svc #0
    ldr x0, [x19, #128]
    mov x8, #57                 /* close */
    svc #0

3:  ldp x1, x16, [x19]          /* sp, entry */
    ldr x2, [x19, #40]          /* bytes to clear, a multiple of 8 */
    mov sp, x1
4:  str xzr, [x19], #8
    subs x2, x2, #8
    b.ne 4b
    msr nzcv, xzr
    mov x0, xzr
    mov x1, xzr
    mov x2, xzr
    mov x3, xzr
    mov x4, xzr
    mov x5, xzr
    mov x6, xzr
    mov x7, xzr
    mov x8, xzr
    mov x9, xzr
    mov x10, xzr
    mov x11, xzr
    mov x12, xzr
    mov x13, xzr
    mov x14, xzr
    mov x15, xzr
    mov x17, xzr
    mov x18, xzr
    mov x19, xzr
    mov x20, xzr
    mov x21, xzr
    mov x22, xzr
    mov x23, xzr
    mov x24, xzr
    mov x25, xzr
    mov x26, xzr
    mov x27, xzr
    mov x28, xzr
    mov x29, xzr
    mov x30, xzr
    br x16
trampoline_end:

    .section .note.GNU-stack, "", %progbits
