/* One thing for each feature of the dynamic linker that can be seen from outside; the flags that it is built with make the difference. */
#include <stddef.h>
#include <stdint.h>

int32_t shared[8] = {0, 10, 20, 30, 40, 50, 60, 70};
int32_t *inside = &shared[2];
int32_t *const fixed[3] = {&shared[1], &shared[4], &shared[7]};
int twice(int a) { return 2 * a; }
int (*function)(int) = twice;
int (*const table[2])(int) = {twice, twice};

int pointers(void) { return *inside + *fixed[0] + *fixed[1] + *fixed[2] + function(100) + table[1](1000); }
void write_fixed(void) { *(int32_t *volatile *)&fixed[0] = NULL; }

extern int nobody(void) __attribute__((weak));
int is_nobody(void) { return nobody == NULL; }

static int one(void) { return 111; }
static int (*pick(void))(void) { return one; }
int chosen(void) __attribute__((ifunc("pick")));
int use_chosen(void) { return chosen(); }

__thread int first = 7;
__thread char wide[40] __attribute__((aligned(32))) = "thread";
int32_t use_first(int by) { return first += by; }
int aligned(void) { return (uintptr_t)wide % 32 == 0 && wide[0] == 't'; }

char large[100000];
int32_t last[3] = {1, 2, 3};
int zeros(void)
{
    int sum = 0;
    for (size_t i = 0; i < sizeof large; i++)
        sum += large[i];
    return sum;
}

static int arguments = -1, has_environment;
static char order[8];
static int count;
__attribute__((constructor(101))) static void early(int argc, char **argv, char **envp)
{
    arguments = argc;
    has_environment = argv[argc] == NULL && envp == argv + argc + 1;
    order[count++] = 'a';
}
__attribute__((constructor(102))) static void late(void) { order[count++] = 'b'; }
int argument_count(void) { return has_environment ? arguments : -2; }
const char *start_order(void) { return order; }

static void (*told)(int);
void tell(void (*function)(int)) { told = function; }
__attribute__((destructor(101))) static void end_last(void)
{
    if (told)
        told(1);
}
__attribute__((destructor(102))) static void end_first(void)
{
    if (told)
        told(2);
}
