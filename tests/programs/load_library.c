/* dlopen: argv[1], then calls its `int add_twice(int, int)`; prints whether [stack] is executable before and after. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static void print_stack(void)
{
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps))
        if (strstr(line, "[stack]"))
            printf("stack %.4s\n", strchr(line, ' ') + 1);
    fclose(maps);
}

int main(int argc, char **argv)
{
    print_stack();
    void *library = dlopen(argc > 1 ? argv[1] : "", RTLD_NOW);
    if (!library) {
        puts(dlerror());
        return 1;
    }
    int (*add_twice)(int, int) = dlsym(library, "add_twice");
    printf("result %d\n", add_twice(10, 16));
    print_stack();
    return dlclose(library);
}
