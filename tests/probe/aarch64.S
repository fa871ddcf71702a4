/* Saves every register to `entry` (entry.h) before one is changed, and continues on a stack of the probe's own:
 *
 *     entry.registers = {x0, ...};  entry.sp = sp;  entry.flags = nzcv;  entry.machine = {v0, ..., fpcr, fpsr, tpidr_el0};
 *     probe_main();
 *
 * A store needs a register with an address in it, so x0 waits in the word below the stack pointer meanwhile.
 */
    .arch armv8-a+fp+simd
    .globl _start
    .section .text.start, "ax", %progbits
_start:
    stur x0, [sp, #-8]
    adrp x0, entry
    add x0, x0, :lo12:entry
    str x1, [x0, #24]
    ldur x1, [sp, #-8]
    str x1, [x0, #16]
    stp x2, x3, [x0, #32]
    stp x4, x5, [x0, #48]
    stp x6, x7, [x0, #64]
    stp x8, x9, [x0, #80]
    stp x10, x11, [x0, #96]
    stp x12, x13, [x0, #112]
    stp x14, x15, [x0, #128]
    stp x16, x17, [x0, #144]
    stp x18, x19, [x0, #160]
    stp x20, x21, [x0, #176]
    stp x22, x23, [x0, #192]
    stp x24, x25, [x0, #208]
    stp x26, x27, [x0, #224]
    stp x28, x29, [x0, #240]
    str x30, [x0, #256]
    mov x1, sp
    mrs x2, nzcv
    stp x1, x2, [x0]
    add x1, x0, #320
    stp q0, q1, [x1], #32
    stp q2, q3, [x1], #32
    stp q4, q5, [x1], #32
    stp q6, q7, [x1], #32
    stp q8, q9, [x1], #32
    stp q10, q11, [x1], #32
    stp q12, q13, [x1], #32
    stp q14, q15, [x1], #32
    stp q16, q17, [x1], #32
    stp q18, q19, [x1], #32
    stp q20, q21, [x1], #32
    stp q22, q23, [x1], #32
    stp q24, q25, [x1], #32
    stp q26, q27, [x1], #32
    stp q28, q29, [x1], #32
    stp q30, q31, [x1], #32
    mrs x2, fpcr
    mrs x3, fpsr
    stp x2, x3, [x1]
    mrs x2, tpidr_el0
    str x2, [x1, #16]
    adrp x1, probe_stack+65536
    add x1, x1, :lo12:probe_stack+65536
    mov sp, x1
    mov x29, xzr
    mov x30, xzr
    bl probe_main
    brk #0

#ifdef PROBE_INTERPRETER /* makes a PT_INTERP: the program is entered through that file */
    .section .interp, "aR", %progbits
    .asciz PROBE_INTERPRETER
#endif

    .section .note.GNU-stack, "", %progbits
