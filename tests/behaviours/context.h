/* The parts of a ucontext_t that every architecture has, and an instruction of each kind that traps. */
#ifndef CONTEXT_H
#define CONTEXT_H

#include <ucontext.h>

#if defined __x86_64__
#define CONTEXT_PC(context) ((context)->uc_mcontext.gregs[REG_RIP])
#define CONTEXT_SP(context) ((context)->uc_mcontext.gregs[REG_RSP])
#define CONTEXT_RESULT(context) ((context)->uc_mcontext.gregs[REG_RAX])
#define ILLEGAL "ud2"
#define BREAKPOINT "int3"
#define BREAKPOINT_SIZE 0 /* the PC is after it already */
#define BREAKPOINT_CODE SI_KERNEL
#elif defined __aarch64__
#define CONTEXT_PC(context) ((context)->uc_mcontext.pc)
#define CONTEXT_SP(context) ((context)->uc_mcontext.sp)
#define CONTEXT_RESULT(context) ((context)->uc_mcontext.regs[0])
#define ILLEGAL "udf #0"
#define BREAKPOINT "brk #0"
#define BREAKPOINT_SIZE 4
#define BREAKPOINT_CODE TRAP_BRKPT
#elif defined __riscv
#define CONTEXT_PC(context) ((context)->uc_mcontext.__gregs[0])
#define CONTEXT_SP(context) ((context)->uc_mcontext.__gregs[2])
#define CONTEXT_RESULT(context) ((context)->uc_mcontext.__gregs[10])
#define ILLEGAL ".4byte 0xffffffff"
#define BREAKPOINT ".4byte 0x00100073" /* not the two bytes of c.ebreak */
#define BREAKPOINT_SIZE 4
#define BREAKPOINT_CODE TRAP_BRKPT
#endif

#endif
