/* What an object file can ask of a linker: data of all kinds, calls in and out, thread-local storage, constructors, tables. */
#include <stdint.h>
#include <string.h>

int common_counter; /* with -fcommon: no section of its own */
static int hidden_zero;
int counter = 41;
int *counter_pointer = &counter;
const char *const names[] = {"zero", "one", "two"};
int table[8] = {1, 2, 3, 4, 5, 6, 7, 8};
int *inside = &table[2];
static __thread int own_thread = 5;
__thread int thread_value = 7;
__thread int thread_zero;
__attribute__((aligned(64))) static char aligned[64];

typedef int operation(int);
extern int abs(int);
extern size_t strlen(const char *);

static int twice(int x) { return 2 * x; }
int thrice(int x) { return 3 * x; }
static operation *const operations[] = {twice, thrice, abs};

__attribute__((constructor)) static void construct(void) { hidden_zero += 100; }

int get_constructed(void) { return hidden_zero; }
int bump(void) { return ++counter + *counter_pointer; }
int inside_value(void) { return *inside; }
const char *name_of(int i) { return names[i]; }
int operate(int i, int x) { return operations[i](x); }
int length(const char *text) { return (int)strlen(text); }
operation *address_of_abs(void) { return abs; }
int thread_sum(void) { return ++own_thread + ++thread_value + ++thread_zero; }
int common_bump(void) { return ++common_counter; }
int alignment(void) { return (int)((uintptr_t)aligned & 63); }
__attribute__((weak)) extern int nowhere(int);
int has_nowhere(void) { return nowhere ? 1 : 0; }

int choose(int x)
{
    switch (x) {
    case 0: return 10;
    case 1: return 21;
    case 2: return 32;
    case 3: return 43;
    case 4: return thrice(x);
    case 5: return 65;
    case 6: return 76;
    default: return -1;
    }
}

__attribute__((aligned(32), noinline)) static int far_apart(int x) { return x + alignment(); }
int code_alignment(void) { return far_apart(0) + (int)((uintptr_t)far_apart & 31); }
