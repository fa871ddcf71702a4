/* How the stack is protected, as /proc/self/maps has it: three letters as a number, 421 for rwx. As a program (-DMAIN): the same after opening the library that
 * is named, or -1 if that is refused. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>

int protection(void)
{
    char line[512], letters[5] = "";
    unsigned long start, end;
    int found = -2;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps))
        if (sscanf(line, "%lx-%lx %4s", &start, &end, letters) == 3 && (uintptr_t)&maps >= start && (uintptr_t)&maps < end)
            found = 400 * (letters[0] == 'r') + 20 * (letters[1] == 'w') + (letters[2] == 'x');
    if (maps)
        fclose(maps);
    return found;
}

#ifdef MAIN
int main(int argc, char **argv)
{
    int opened = argc > 1 && dlopen(argv[1], RTLD_NOW);
    printf("%d\n", opened ? protection() : -1);
    return 0;
}
#endif
