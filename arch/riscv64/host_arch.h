/* RISC-V 64 as a host of the emulator: its ucontext and struct sigaction, which has no restorer. */
#define HOST_PC(context) ((context)->uc_mcontext.__gregs[0])
#define HOST_WORD unsigned long
