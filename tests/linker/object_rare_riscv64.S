/* Relocations that compilers seldom emit. rare(n) adds up what each of them reaches. */
        .option relax
        .section .text.one, "ax"
        .globl rare
rare:   li      t0, 0
        andi    a1, a0, 1
        .option rvc
        c.beqz  a1, even                /* R_RISCV_RVC_BRANCH */
        addi    t0, t0, 1
back:   beqz    a0, none                /* R_RISCV_BRANCH */
        addi    t0, t0, 4
        c.j     further                 /* R_RISCV_RVC_JUMP */
        .option norvc
again:  jal     t2, helper              /* R_RISCV_JAL */
        la      a2, lengths
        lbu     a3, 0(a2)
        add     t0, t0, a3
        lbu     a3, 1(a2)
        andi    a3, a3, 127
        add     t0, t0, a3
        lui     a4, %hi(pointed)        /* R_RISCV_HI20 */
        lw      a4, %lo(pointed)(a4)
        add     t0, t0, a4
        mv      a0, t0
        ret

        .section .text.two, "ax"
        .space  80
even:   addi    t0, t0, 2
        jal     x0, back
none:   addi    t0, t0, 8
        jal     x0, again
further: jal    x0, again
first:  call    helper
        .balign 32
last:   nop
helper: addi    t0, t0, 16
        jr      t2

        .data
pointed: .word  64
lengths: .uleb128 last - first          /* R_RISCV_SET_ULEB128, R_RISCV_SUB_ULEB128 */
        .uleb128 pointed - pointed + 200
        .byte   last - first            /* R_RISCV_ADD8, R_RISCV_SUB8 */
