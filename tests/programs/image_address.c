/* Where this program lies, modulo argv[1]. */
#include <stdio.h>
#include <stdlib.h>

extern const char __ehdr_start[];

int main(int argc, char **argv)
{
    printf("offset %lu\n", (unsigned long)__ehdr_start % strtoul(argc > 1 ? argv[1] : "4096", NULL, 0));
    return 0;
}
