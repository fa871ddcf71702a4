/* Two coroutines by makecontext and swapcontext, each on a stack of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

static ucontext_t main_context, contexts[2];

static void speak(int self)
{
    for (int i = 0; i < 3; i++) {
        printf("coroutine %d turn %d\n", self, i);
        swapcontext(&contexts[self], &contexts[!self]);
    }
}

int main(void)
{
    for (int i = 0; i < 2; i++) {
        getcontext(&contexts[i]);
        contexts[i].uc_stack.ss_sp = malloc(65536);
        contexts[i].uc_stack.ss_size = 65536;
        contexts[i].uc_link = &main_context;
        makecontext(&contexts[i], (void (*)(void))speak, 1, i);
    }
    swapcontext(&main_context, &contexts[0]);
    puts("main again");
    return 0;
}
