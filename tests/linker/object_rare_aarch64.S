/* Relocations that compilers seldom emit. rare(n) adds up what each of them reaches. */
        .section .text.one, "ax"
        .globl rare
rare:   mov     x9, #0
        tbz     w0, #0, even            /* R_AARCH64_TSTBR14 */
        add     x9, x9, #1
back:   cbz     w0, zero                /* R_AARCH64_CONDBR19 */
        add     x9, x9, #4
again:  adr     x1, word                /* R_AARCH64_ADR_PREL_LO21 */
        ldr     w2, [x1]
        add     x9, x9, x2
        ldr     w3, word                /* R_AARCH64_LD_PREL_LO19 */
        add     x9, x9, x3
        adrp    x4, _GLOBAL_OFFSET_TABLE_
        ldr     x4, [x4, :gotpage_lo15:pointed] /* R_AARCH64_LD64_GOTPAGE_LO15 */
        ldr     w4, [x4]
        add     x9, x9, x4
from:   movz    x5, #:prel_g1:pointed   /* R_AARCH64_MOVW_PREL_G1 */
        movk    x5, #:prel_g0_nc:pointed + 4
        adr     x6, from
        add     x5, x5, x6
        ldr     w5, [x5]
        add     x9, x9, x5
        adrp    x7, wide
        ldr     q0, [x7, :lo12:wide]    /* R_AARCH64_LDST128_ABS_LO12_NC */
        fmov    x7, d0
        add     x9, x9, x7
        mov     x0, x9
        ret

        .section .text.two, "ax"
        .space  5000
even:   add     x9, x9, #2
        b       back                    /* R_AARCH64_JUMP26 */
zero:   add     x9, x9, #8
        b       again
        .balign 4
word:   .word   16

        .data
        .globl pointed
pointed: .word  64
        .balign 16
wide:   .quad   1000, 2000

        .section .data.near, "aw"
        .short  0
half:   .short  pointed - .             /* R_AARCH64_PREL16 */
