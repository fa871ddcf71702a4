/* Registers survive a handler that uses all of them, and show in its ucontext. */
#include "behaviour.h"
#include "context.h"

static volatile int seen;

static void handler(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info;
    uint64_t words[sizeof(mcontext_t) / 8];
    ucontext_t *interrupted = context;
    memcpy(words, &interrupted->uc_mcontext, sizeof words);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        for (uint64_t wanted = 0; wanted < 4; wanted++)
            if (words[i] == 0x1122334455667700u + wanted)
                seen |= 1 << wanted;
    volatile double spoil = 1;
    for (int i = 1; i < 20; i++)
        spoil = spoil * i + 0.5;
    interrupted->uc_mcontext = interrupted->uc_mcontext;
    CONTEXT_PC(interrupted) += BREAKPOINT_SIZE;
}

int main(void)
{
    uint64_t a = 0x1122334455667700u, b = a + 1, c = a + 2, d = a + 3;
    double e = 1.25, f = -3.5;
    catch_signal(SIGTRAP, handler, 0);
#if defined __x86_64__
    __asm__ volatile(BREAKPOINT : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+x"(e), "+x"(f));
#elif defined __aarch64__
    __asm__ volatile(BREAKPOINT : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+w"(e), "+w"(f));
#else
    __asm__ volatile(BREAKPOINT : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+f"(e), "+f"(f));
#endif
    say("seen %x, kept %d, %g %g", seen, a == 0x1122334455667700u && b == a + 1 && c == a + 2 && d == a + 3, e, f);
    return 0;
}
