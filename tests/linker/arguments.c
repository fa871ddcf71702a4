#include "arguments.h"

int integers(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j)
{
    return a == 1 && b == 2 && c == 3 && d == 4 && e == 5 && f == 6 && g == 7 && h == 8 && i == 9 && j == 10;
}

int doubles(double a, double b, double c, double d, double e, double f, double g, double h, double i)
{
    return a == 1.5 && b == 2.5 && c == 3.5 && d == 4.5 && e == 5.5 && f == 6.5 && g == 7.5 && h == 8.5 && i == 9.5;
}

int mixed(int a, double b, long c, float d, char e, double f, short g, float h)
{
    return a == -1 && b == 2.5 && c == 1L << 40 && d == 3.5f && e == 'e' && f == -4.5 && g == -7 && h == 0.125f;
}

int variadic(int count, ...)
{
    double sum = 0;
    va_list list;
    va_start(list, count);
    for (int i = 0; i < count; i++)
        sum += va_arg(list, double);
    int last = va_arg(list, int);
    va_end(list);
    return sum == 45.0 && last == 77;
}

struct large returned(long first)
{
    struct large large;
    for (int i = 0; i < 12; i++)
        large.words[i] = first + i;
    return large;
}

int by_value(struct four four, struct large large, double last)
{
    return four.a == 1 && four.b == 2 && four.c == 3 && four.d == 4 && large.words[0] == 5 && large.words[11] == 6 && last == 7;
}

#define EIGHT(a, b, c, d, e, f, g, h, last) \
    (a[0] == 1 && a[last] == 2 && b[0] == 3 && b[last] == 4 && c[0] == 5 && c[last] == 6 && d[0] == 7 && d[last] == 8 && e[0] == 9 && e[last] == 10 && \
     f[0] == 11 && f[last] == 12 && g[0] == 13 && g[last] == 14 && h[0] == 15 && h[last] == 16)

int vectors(vector a, vector b, vector c, vector d, vector e, vector f, vector g, vector h)
{
    return EIGHT(a, b, c, d, e, f, g, h, 3);
}

int wide(__int128 a, long double b, __int128 c, long double d)
{
    static const long double first = 2.1L, second = -4.3L;
    return a == (__int128)1 << 100 && SAME(b, first) && c == (__int128)3 << 70 && SAME(d, second);
}

#ifdef __x86_64__
int vectors32(vector32 a, vector32 b, vector32 c, vector32 d, vector32 e, vector32 f, vector32 g, vector32 h)
{
    return EIGHT(a, b, c, d, e, f, g, h, 3);
}

int vectors64(vector64 a, vector64 b, vector64 c, vector64 d, vector64 e, vector64 f, vector64 g, vector64 h)
{
    return EIGHT(a, b, c, d, e, f, g, h, 7);
}
#endif
