/* Saves every register to `entry` (entry.h) before one is changed, and continues on a stack of the probe's own:
 *
 *     entry.registers = {ra, gp, ...};  entry.sp = sp;  entry.machine = {f0, ..., fcsr};  probe_main();
 *
 * A store needs a register with an address in it, so t0 waits in the word below the stack pointer meanwhile. There are no flags.
 */
    .globl _start
    .section .text.start, "ax", @progbits
    .option arch, +d
_start:
    sd t0, -8(sp)
    lla t0, entry
    sd ra, 16(t0)
    sd gp, 24(t0)
    sd tp, 32(t0)
    sd t1, 48(t0)
    sd t2, 56(t0)
    sd s0, 64(t0)
    sd s1, 72(t0)
    sd a0, 80(t0)
    sd a1, 88(t0)
    sd a2, 96(t0)
    sd a3, 104(t0)
    sd a4, 112(t0)
    sd a5, 120(t0)
    sd a6, 128(t0)
    sd a7, 136(t0)
    sd s2, 144(t0)
    sd s3, 152(t0)
    sd s4, 160(t0)
    sd s5, 168(t0)
    sd s6, 176(t0)
    sd s7, 184(t0)
    sd s8, 192(t0)
    sd s9, 200(t0)
    sd s10, 208(t0)
    sd s11, 216(t0)
    sd t3, 224(t0)
    sd t4, 232(t0)
    sd t5, 240(t0)
    sd t6, 248(t0)
    ld t1, -8(sp)
    sd t1, 40(t0)
    sd sp, 0(t0)
    fsd f0, 256(t0)
    fsd f1, 264(t0)
    fsd f2, 272(t0)
    fsd f3, 280(t0)
    fsd f4, 288(t0)
    fsd f5, 296(t0)
    fsd f6, 304(t0)
    fsd f7, 312(t0)
    fsd f8, 320(t0)
    fsd f9, 328(t0)
    fsd f10, 336(t0)
    fsd f11, 344(t0)
    fsd f12, 352(t0)
    fsd f13, 360(t0)
    fsd f14, 368(t0)
    fsd f15, 376(t0)
    fsd f16, 384(t0)
    fsd f17, 392(t0)
    fsd f18, 400(t0)
    fsd f19, 408(t0)
    fsd f20, 416(t0)
    fsd f21, 424(t0)
    fsd f22, 432(t0)
    fsd f23, 440(t0)
    fsd f24, 448(t0)
    fsd f25, 456(t0)
    fsd f26, 464(t0)
    fsd f27, 472(t0)
    fsd f28, 480(t0)
    fsd f29, 488(t0)
    fsd f30, 496(t0)
    fsd f31, 504(t0)
    csrr t1, fcsr
    sd t1, 512(t0)
    lla sp, probe_stack+65536
    li ra, 0
    li s0, 0
    call probe_main
    ebreak

#ifdef PROBE_INTERPRETER /* makes a PT_INTERP: the program is entered through that file */
    .section .interp, "aR", @progbits
    .asciz PROBE_INTERPRETER
#endif

    .section .note.GNU-stack, "", @progbits
