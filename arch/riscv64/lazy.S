/* Where the PLT's header jumps to: t0 is GOT[1], the object, t1 eight times the relocation's index. Keeps a0 to a7 and fa0 to fa7; functions
 * that take more than that in registers are marked (STO_RISCV_VARIANT_CC) and bound at once. */
        .text
        .globl  lazy_trampoline
        .hidden lazy_trampoline, lazy_bind
        .type   lazy_trampoline, @function
lazy_trampoline:
        .cfi_startproc
        addi    sp, sp, -144
        .cfi_def_cfa_offset 144
        sd      ra, 0(sp)
        .cfi_offset ra, -144
        sd      a0, 8(sp)
        sd      a1, 16(sp)
        sd      a2, 24(sp)
        sd      a3, 32(sp)
        sd      a4, 40(sp)
        sd      a5, 48(sp)
        sd      a6, 56(sp)
        sd      a7, 64(sp)
        fsd     fa0, 72(sp)
        fsd     fa1, 80(sp)
        fsd     fa2, 88(sp)
        fsd     fa3, 96(sp)
        fsd     fa4, 104(sp)
        fsd     fa5, 112(sp)
        fsd     fa6, 120(sp)
        fsd     fa7, 128(sp)
        mv      a0, t0
        srli    a1, t1, 3
        call    lazy_bind
        mv      t1, a0
        ld      ra, 0(sp)
        ld      a0, 8(sp)
        ld      a1, 16(sp)
        ld      a2, 24(sp)
        ld      a3, 32(sp)
        ld      a4, 40(sp)
        ld      a5, 48(sp)
        ld      a6, 56(sp)
        ld      a7, 64(sp)
        fld     fa0, 72(sp)
        fld     fa1, 80(sp)
        fld     fa2, 88(sp)
        fld     fa3, 96(sp)
        fld     fa4, 104(sp)
        fld     fa5, 112(sp)
        fld     fa6, 120(sp)
        fld     fa7, 128(sp)
        addi    sp, sp, 144
        .cfi_def_cfa_offset 0
        .cfi_restore ra
        jr      t1
        .cfi_endproc
        .size   lazy_trampoline, . - lazy_trampoline
        .section .note.GNU-stack, "", @progbits
