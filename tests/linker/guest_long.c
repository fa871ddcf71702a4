/* long double: 128 bits on AArch64 and RISC-V, 80 on x86-64. Its last bits matter everywhere. */
#include <stdarg.h>
#include <string.h>

struct one {
    long double a;
};
struct two {
    long double a, b;
};
struct mixed {
    int i;
    long double x;
    char c;
};
struct five {
    long double a[5];
};
union bits {
    long double x;
    unsigned char bytes[16];
};

long double third(void) { return 1.0L / 3; }
int is_third(long double x) { return x == 1.0L / 3; }
long double add(long double a, long double b) { return a + b; }
void bytes_of(long double x, unsigned char *out)
{
    memset(out, 0, 16);
    memcpy(out, &x, sizeof x == 16 && 1.0L / 3 * 3 == 1 && __LDBL_MANT_DIG__ == 64 ? 10 : 16);
}

/* The arguments in an order in which they use registers up; each but the last counts by its place. */
long double many(int a, long double b, double c, long double d, long e, long double f, int g, long double h, float i, long double j, long k, long double l, long double m,
                 long double n, long double o, long double p, long double q, int r)
{
    return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j + 11 * k + 12 * l + 13 * m + 14 * n + 15 * o + 16 * p + 17 * q + 18 * r;
}

struct one negate(struct one a) { return (struct one){-a.a}; }
struct two swap(struct two a) { return (struct two){a.b, a.a}; }
struct mixed next(struct mixed a) { return (struct mixed){a.i + 1, a.x + 1, (char)(a.c + 1)}; }
struct five turn(struct five a) { return (struct five){{a.a[4], a.a[3], a.a[2], a.a[1], a.a[0]}}; }
union bits flip(union bits a)
{
    a.bytes[0] ^= 1;
    return a;
}

long double sum(int count, ...)
{
    va_list arguments;
    long double total = 0;
    va_start(arguments, count);
    for (int i = 0; i < count; i++)
        total += va_arg(arguments, int) * va_arg(arguments, long double);
    va_end(arguments);
    return total;
}

long double apply(long double (*function)(int, long double), long double a) { return function(3, a) + a; }
struct one apply_one(struct one (*function)(struct one), struct one a) { return negate(function(a)); }
void twice(long double *numbers, int count)
{
    for (int i = 0; i < count; i++)
        numbers[i] *= 2;
}

static long double kept;
long double *keep(long double a)
{
    kept = a;
    return &kept;
}
