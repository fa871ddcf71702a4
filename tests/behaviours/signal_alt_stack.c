/* sigaltstack and SA_ONSTACK: the handler's frame is there, also of a nested one; changing it from there is EPERM; the plain one stays where it was. */
#include "behaviour.h"
#include "context.h"

enum { SIZE = 65536 };
static char *base;

static int inside(const void *address)
{
    return (const char *)address >= base && (const char *)address < base + SIZE;
}

static void nested(int number, siginfo_t *info, void *context)
{
    char here = 0;
    (void)number;
    say(" nested: on it %d, info on it %d, interrupted on it %d", inside(&here), inside(info), inside((void *)CONTEXT_SP((ucontext_t *)context)));
}

static void handler(int number, siginfo_t *info, void *context)
{
    char here = 0;
    stack_t now, other = {.ss_sp = base, .ss_size = SIZE};
    ucontext_t *interrupted = context;
    sigaltstack(NULL, &now);
    say("%d: on it %d, info on it %d, context on it %d, flags %d", number == SIGUSR1, inside(&here), inside(info), inside(context), now.ss_flags);
    say("interrupted on it %d, stack in the context %d", inside((void *)CONTEXT_SP(interrupted)), interrupted->uc_stack.ss_sp == base);
    if (number == SIGUSR1) {
        say("change: %s", outcome(sigaltstack(&other, NULL)));
        raise(SIGUSR2);
    }
}

int main(void)
{
    base = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(base != MAP_FAILED);
    stack_t stack = {.ss_sp = base, .ss_size = SIZE}, old, off = {.ss_flags = SS_DISABLE};
    NEED(sigaltstack(&stack, &old) == 0);
    say("was disabled %d", old.ss_flags == SS_DISABLE);
    catch_signal(SIGUSR1, handler, SA_ONSTACK);
    catch_signal(SIGUSR2, nested, SA_ONSTACK);
    raise(SIGUSR1);
    catch_signal(SIGWINCH, handler, 0);
    raise(SIGWINCH);
    NEED(sigaltstack(&off, &old) == 0);
    say("was %d %d", old.ss_sp == base, old.ss_flags);
    catch_signal(SIGUSR2, handler, SA_ONSTACK);
    raise(SIGUSR2);
    stack.ss_flags = 64;
    say("bad flags: %s", outcome(sigaltstack(&stack, NULL)));
    return 0;
}
