/* SIGILL of an instruction that there is not: the address is the instruction's, and so is the PC. */
#include "behaviour.h"
#include "context.h"

static sigjmp_buf back;
static volatile uintptr_t address, pc;
static volatile int number, kernel_code;

static void handler(int signal, siginfo_t *info, void *context)
{
    number = signal;
    address = (uintptr_t)info->si_addr;
    kernel_code = info->si_code > 0;
    pc = (uintptr_t)CONTEXT_PC((ucontext_t *)context);
    siglongjmp(back, 1);
}

extern char illegal_here[];

__attribute__((noinline)) static void stumble(void)
{
    __asm__ volatile(".globl illegal_here\nillegal_here: " ILLEGAL);
}

int main(void)
{
    catch_signal(SIGILL, handler, 0);
    for (int i = 0; i < 3; i++) {
        if (!sigsetjmp(back, 1))
            stumble();
        say("signal %d, address %d, pc %d, by the kernel %d", number == SIGILL, address == (uintptr_t)illegal_here, pc == (uintptr_t)illegal_here, kernel_code);
    }
    return 0;
}
