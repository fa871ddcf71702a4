/* What a small program needs of its compiler and its libraries: floating point, sorting by a callback, messages, a table, the mathematical library. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int order(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

int main(int argc, char **argv)
{
    double roots[5];
    for (int i = 0; i < 5; i++)
        roots[i] = sqrt(fabs(sin(i) * atof(argv[1])));
    qsort(roots, 5, sizeof(roots[0]), order);
    for (int i = 0; i < 5; i++)
        printf("%.6f%c", roots[i], i < 4 ? ' ' : '\n');
    switch (argc) {
    case 1: puts("one"); break;
    case 2: puts("two"); break;
    case 3: puts("three"); break;
    default: puts("more");
    }
    if (fopen("missing", "r") == NULL)
        fprintf(stderr, "%s: %s: %s\n", argv[0], argv[2], strerror(errno));
    return 7;
}
