/* Functions that take their arguments in every register that may hold one. Each returns 1 if all have arrived. */
#include <stdarg.h>

#ifdef FREESTANDING /* what compilers call for structures */
static __attribute__((used)) void *memory_copy(char *to, const char *from, unsigned long size) __asm__("memcpy");
static void *memory_copy(char *to, const char *from, unsigned long size)
{
    for (volatile unsigned long i = 0; i < size; i++)
        to[i] = from[i];
    return to;
}

static __attribute__((used)) void *memory_set(char *to, int value, unsigned long size) __asm__("memset");
static void *memory_set(char *to, int value, unsigned long size)
{
    for (volatile unsigned long i = 0; i < size; i++)
        to[i] = (char)value;
    return to;
}
#endif

/* The first words of two values are the same: no arithmetic, which for a long double may be somewhere else. */
#define SAME(a, b) (*(const unsigned long *)&(a) == *(const unsigned long *)&(b))

struct four { double a, b, c, d; };
struct large { long words[12]; };
typedef float vector __attribute__((vector_size(16)));

int integers(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j);
int doubles(double a, double b, double c, double d, double e, double f, double g, double h, double i);
int mixed(int a, double b, long c, float d, char e, double f, short g, float h);
int variadic(int count, ...);
struct large returned(long first);
int by_value(struct four four, struct large large, double last);
int vectors(vector a, vector b, vector c, vector d, vector e, vector f, vector g, vector h);
int wide(__int128 a, long double b, __int128 c, long double d);
#ifdef __x86_64__
typedef double vector32 __attribute__((vector_size(32)));
typedef double vector64 __attribute__((vector_size(64)));
__attribute__((target("avx"))) int vectors32(vector32 a, vector32 b, vector32 c, vector32 d, vector32 e, vector32 f, vector32 g, vector32 h);
__attribute__((target("avx512f"))) int vectors64(vector64 a, vector64 b, vector64 c, vector64 d, vector64 e, vector64 f, vector64 g, vector64 h);
#endif
