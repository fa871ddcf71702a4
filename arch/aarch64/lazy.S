/* Where the first PLT entry jumps to: x16 is the address of GOT[2], and it has pushed the address of the slot and the return address. Keeps x0 to x8 and
 * q0 to q7; functions that take more than that in registers are marked (STO_AARCH64_VARIANT_PCS) and bound at once. */
        .text
        .globl  lazy_trampoline
        .hidden lazy_trampoline, lazy_bind
        .type   lazy_trampoline, %function
lazy_trampoline:
        .cfi_startproc
        .cfi_def_cfa_offset 16
        .cfi_offset 30, -8
        hint    #34                     /* bti c */
        sub     sp, sp, #208
        .cfi_adjust_cfa_offset 208
        stp     x0, x1, [sp, #0]
        stp     x2, x3, [sp, #16]
        stp     x4, x5, [sp, #32]
        stp     x6, x7, [sp, #48]
        str     x8, [sp, #64]
        stp     q0, q1, [sp, #80]
        stp     q2, q3, [sp, #112]
        stp     q4, q5, [sp, #144]
        stp     q6, q7, [sp, #176]
        ldr     x0, [x16, #-8]          /* GOT[1]: the object */
        ldr     x1, [sp, #208]
        sub     x1, x1, x16
        sub     x1, x1, #8              /* slots begin behind GOT[2] */
        lsr     x1, x1, #3
        bl      lazy_bind
        mov     x16, x0
        ldp     x0, x1, [sp, #0]
        ldp     x2, x3, [sp, #16]
        ldp     x4, x5, [sp, #32]
        ldp     x6, x7, [sp, #48]
        ldr     x8, [sp, #64]
        ldp     q0, q1, [sp, #80]
        ldp     q2, q3, [sp, #112]
        ldp     q4, q5, [sp, #144]
        ldp     q6, q7, [sp, #176]
        ldr     x30, [sp, #216]
        add     sp, sp, #224
        .cfi_def_cfa_offset 0
        .cfi_restore 30
        br      x16
        .cfi_endproc
        .size   lazy_trampoline, . - lazy_trampoline
        .section .note.GNU-stack, "", %progbits
