/* x86-64 as a host of the emulator: its ucontext and struct sigaction. */
#define HOST_HAS_RESTORER 1
#define HOST_PC(context) ((context)->uc_mcontext.gregs[REG_RIP])
#define HOST_WORD greg_t
