/* The last code of miniload that runs: void trampoline(const struct departure *d), d in a0, no stack used, no return.
 *
 *     for (i = 0; i < 4; i++) if (d->unmap[i].size) munmap(d->unmap[i]);
 *     if (d->mm_map) prctl(PR_SET_MM, PR_SET_MM_MAP, d->mm_map, d->mm_map_size), close(d->exe_fd);
 *     clear *d;  enter the program with every register zero
 *
 * Position-independent and within one page (stub.lds), because it may run from a copy. Offsets are those of struct
 * departure (stub/stub.h, asserted there). t1, a temporary that no convention gives a meaning at entry, holds the entry
 * point, since a jump needs one register; everything else is zero (a0 has to be: rtld_fini). FP state is untouched since
 * exec: the stub is built without FP.
 */
    .globl trampoline
    .hidden trampoline
    .globl trampoline_end
    .hidden trampoline_end
    .section .text.trampoline, "ax", @progbits
    .balign 1024
trampoline:
    mv s1, a0
    addi s2, s1, 48
    li s3, 4
1:  ld a0, 0(s2)
    ld a1, 8(s2)
    beqz a1, 2f
    li a7, 215                  /* munmap */
    ecall
2:  addi s2, s2, 16
    addi s3, s3, -1
    bnez s3, 1b

    ld a2, 112(s1)
    beqz a2, 3f
    ld a3, 120(s1)
    li a0, 35                   /* PR_SET_MM */
    li a1, 14                   /* PR_SET_MM_MAP */
    li a4, 0
    li a7, 167                  /* prctl */
    ecall
    ld a0, 128(s1)
    li a7, 57                   /* close */
    ecall

3:  ld sp, 0(s1)
    ld t1, 8(s1)                /* entry */
    ld a2, 40(s1)               /* bytes to clear, a multiple of 8 */
4:  sd zero, 0(s1)
    addi s1, s1, 8
    addi a2, a2, -8
    bnez a2, 4b
    li ra, 0
    li gp, 0
    li tp, 0
    li t0, 0
    li t2, 0
    li s0, 0
    li s1, 0
    li a0, 0
    li a1, 0
    li a2, 0
    li a3, 0
    li a4, 0
    li a5, 0
    li a6, 0
    li a7, 0
    li s2, 0
    li s3, 0
    li s4, 0
    li s5, 0
    li s6, 0
    li s7, 0
    li s8, 0
    li s9, 0
    li s10, 0
    li s11, 0
    li t3, 0
    li t4, 0
    li t5, 0
    li t6, 0
    jr t1
trampoline_end:

    .section .note.GNU-stack, "", @progbits
