/* -DUSER: asks for number(); -DPLAIN: has it; -DPRELOADED: has it, too, and asks for the next. */
#include <dlfcn.h>

int number(int x);
#if defined USER
int ask(int x) { return number(x) + 1; }
#elif defined PLAIN
int number(int x) { return x; }
#else
int number(int x)
{
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "number");
    return x * 10 + (next ? next(x) : 100);
}
#endif
