/* Everything a link editor lays out, printed: initialised data, bss, thread-local data and bss, read-only data, a constructor, an
 * indirect function, environment and arguments. Built in many ways (tests/real/test_linking.py). */
#include <stdio.h>
#include <stdlib.h>

static int constructed;
__attribute__((constructor)) static void construct(void) { constructed++; }

static const char constant[] = "constant";
static int initialised[3] = {1, 22, 333};
static char zeroed[100000];
static __thread long local_initialised = 4444;
static __thread char local_zeroed[5000];
static char *relocated = (char *)constant + 3;

static int sum(const char *bytes, int size)
{
    int total = 0;
    for (int i = 0; i < size; i++)
        total += bytes[i];
    return total;
}

int main(int argc, char **argv, char **envp)
{
    printf("data %d %d %d bss %d", initialised[0], initialised[1], initialised[2], sum(zeroed, sizeof zeroed));
    printf(" tls %ld tbss %d", local_initialised, sum(local_zeroed, sizeof local_zeroed));
    printf(" const %s relocated %s constructed %d argc %d", constant, relocated, constructed, argc);
    initialised[0] += 6;
    local_initialised++;
    zeroed[99999] = local_zeroed[4999] = 7;
    char *heap = malloc(300000);
    heap[299999] = zeroed[99999];
    printf(" written %d %ld %d\n", initialised[0], local_initialised, heap[299999]);
    for (int i = 0; i < argc; i++)
        printf("%s%c", i ? argv[i] : "argv0", i + 1 < argc ? ' ' : '\n');
    for (; *envp; envp++)
        puts(*envp);
    return 0;
}
