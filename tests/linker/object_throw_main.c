/* Opens the shared object that is named, and prints what object_throw.cc's functions say. */
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    void *library = dlopen(argc > 1 ? argv[1] : "", RTLD_NOW);
    if (!library) {
        printf("%s\n", dlerror());
        return 1;
    }
    int (*guarded)(int) = (int (*)(int))dlsym(library, "guarded");
    int (*cleanups)(void) = (int (*)(void))dlsym(library, "cleanups");
    for (int i = 0; i < 5; i++)
        printf("%d %d\n", guarded(i), cleanups());
    return 0;
}
