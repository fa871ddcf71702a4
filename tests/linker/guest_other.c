/* What inside.c opens or needs: -DNEXT, -DOTHER, -DBROKEN, -DNESTED="path of another". */
#include <dlfcn.h>

int unused;
#if defined NEXT
int which(void) { return 2; }
#elif defined OTHER
int answer(void) { return 77; }
#elif defined BROKEN
int gone(void);
int answer(void) { return gone(); }
#else
static void *handle;
static int seen;
__attribute__((constructor)) static void begin(void)
{
    handle = dlopen(NESTED, RTLD_NOW);
    seen = handle ? ((int (*)(void))dlsym(handle, "answer"))() : -1;
}
__attribute__((destructor)) static void end(void)
{
    if (handle)
        dlclose(handle);
}
int answer(void) { return seen + 1; }
#endif
