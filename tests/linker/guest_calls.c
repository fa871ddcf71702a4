/* Functions of every kind of signature, for calling by another machine's convention: what they return depends on each argument and its place. */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct { int32_t a; } one_int;
typedef struct { int32_t a; float b; } int_float;
typedef struct { double a, b; } two_doubles;
typedef struct { float a, b, c, d; } four_floats;
typedef struct { double a, b, c; } three_doubles;
typedef struct { char a[3]; } three_chars;
typedef struct { int64_t a; double b; } long_double_pair;
typedef struct { int64_t a, b; } two_longs;
typedef struct { int64_t a, b, c, d, e; } large;
typedef struct { float a; int32_t b; float c; } float_int_float;
typedef struct { int_float a; int16_t b; } nested;

int64_t integers(int8_t a, uint8_t b, int16_t c, uint16_t d, int32_t e, uint32_t f, int64_t g, uint64_t h, int8_t i, uint16_t j, int32_t k, uint32_t l)
{
    return a + 3 * (int64_t)b + 5 * c + 7 * (int64_t)d + 11 * (int64_t)e + 13 * (int64_t)f + 17 * g + 19 * (int64_t)h + 23 * i + 29 * (int64_t)j +
        31 * (int64_t)k + 37 * (int64_t)l;
}

double doubles(double a, double b, double c, double d, double e, double f, double g, double h, double i, double j)
{
    return a + 2 * b + 3 * c + 5 * d + 7 * e + 11 * f + 13 * g + 17 * h + 19 * i + 23 * j;
}

double mixed(int a, float b, int64_t c, double d, int8_t e, float f, uint64_t g, double h, int i, float j, int k, double l, int m, float n, int o, double p, int q,
             float r, int s, float t)
{
    return a + 2 * b + 3 * (double)c + 5 * d + 7 * e + 11 * f + 13 * (double)g + 17 * h + 19 * i + 23 * j + 29 * k + 31 * l + 37 * m + 41 * n + 43 * o + 47 * p +
        53 * q + 59 * r + 61 * s + 67 * t;
}

int8_t give_int8(int a) { return (int8_t)a; }
uint8_t give_uint8(int a) { return (uint8_t)a; }
int16_t give_int16(int a) { return (int16_t)a; }
uint16_t give_uint16(int a) { return (uint16_t)a; }
int32_t give_int32(int64_t a) { return (int32_t)a; }
uint32_t give_uint32(int64_t a) { return (uint32_t)a; }
bool give_bool(int a) { return a > 3; }
float give_float(float a) { return a / 3; }
double give_double(float a) { return a / 3.0; }

one_int with_one_int(one_int s, int n) { return (one_int){s.a + n}; }
int_float with_int_float(int_float s, int n) { return (int_float){s.a * n, s.b / (float)n}; }
two_doubles with_two_doubles(int n, two_doubles s) { return (two_doubles){s.b + n, s.a - n}; }
four_floats with_four_floats(four_floats s, float f) { return (four_floats){s.d * f, s.c, s.b, s.a}; }
three_doubles with_three_doubles(three_doubles s, double f) { return (three_doubles){s.c * f, s.a, s.b}; }
three_chars with_three_chars(three_chars s) { return (three_chars){{s.a[2], s.a[0], s.a[1]}}; }
long_double_pair with_long_double_pair(long_double_pair s, int n) { return (long_double_pair){s.a - n, s.b * n}; }
two_longs with_two_longs(two_longs s, int n) { return (two_longs){s.b + n, s.a}; }
large with_large(large s, int n) { return (large){s.e, s.d + n, s.c, s.b, s.a}; }
float_int_float with_float_int_float(float_int_float s, int n) { return (float_int_float){s.c, s.b + n, s.a}; }
nested with_nested(nested s) { return (nested){{s.b, (float)s.a.a}, (int16_t)s.a.b}; }

/* More than there are registers, and values that would have to be split between them and the stack. */
double crowd(int a, two_longs b, int c, two_longs d, two_longs e, int_float f, two_doubles g, four_floats h, three_doubles i, long_double_pair j, one_int k, large l,
             double m, int n)
{
    return a + 2 * (double)b.a + 3 * (double)b.b + 5 * c + 7 * (double)d.a + 11 * (double)d.b + 13 * (double)e.a + 17 * (double)e.b + 19 * f.a + 23 * f.b + 29 * g.a +
        31 * g.b + 37 * h.a + 41 * h.d + 43 * i.a + 47 * i.c + 53 * (double)j.a + 59 * j.b + 61 * k.a + 67 * (double)l.a + 71 * (double)l.e + 73 * m + 79 * n;
}

/* Each letter of `kinds` names the next argument: i int, l long, d double, s string, p struct. */
double variadic(const char *kinds, ...)
{
    va_list list;
    double sum = 0;
    int place = 1;
    va_start(list, kinds);
    for (; *kinds; kinds++, place++)
        switch (*kinds) {
        case 'i': sum += place * va_arg(list, int); break;
        case 'l': sum += place * (double)va_arg(list, long); break;
        case 'd': sum += place * va_arg(list, double); break;
        case 's': sum += place * va_arg(list, const char *)[0]; break;
        case 'p': sum += place * (double)va_arg(list, two_longs).b; break;
        }
    va_end(list);
    return sum;
}

size_t length(const char *text)
{
    size_t n = 0;
    while (text && text[n])
        n++;
    return n;
}

int reverse(unsigned char *data, int size)
{
    for (int i = 0; i < size / 2; i++) {
        unsigned char c = data[i];
        data[i] = data[size - 1 - i];
        data[size - 1 - i] = c;
    }
    return size;
}

int64_t sum(const int32_t *values, int count)
{
    int64_t total = 0;
    for (int i = 0; i < count; i++)
        total += values[i];
    return total;
}

void halve(double *value, int *remainder)
{
    *remainder = (int)*value % 2;
    *value /= 2;
}

void grow(large *s) { s->a++, s->e *= 2; }
int same(const void *a, const void *b) { return a == b; }

static const char greeting[] = "guten Tag";
const char *text(int there) { return there ? greeting : NULL; }
int32_t table[4] = {10, 20, 30, 40};
int32_t *numbers(void) { return table; }

int apply(int (*function)(int, int), int a, int b) { return function(a, b) + 1; }
double apply_mixed(double (*function)(int, double, float, int64_t, two_doubles, large, const char *), int n)
{
    return function(n, n / 4.0, (float)n / 8, -n, (two_doubles){n, n + 1}, (large){n, 2, 3, 4, n + 5}, greeting) * 2;
}
int64_t apply_large(large (*function)(large), int64_t n) { large got = function((large){n, 1, 2, 3, 4}); return got.a + 10 * got.e; }
int64_t apply_many(int64_t (*function)(int, int, int, int, int, int, int, int, int, int), int n)
{
    return function(n, n + 1, n + 2, n + 3, n + 4, n + 5, n + 6, n + 7, n + 8, n + 9);
}
/* Callee-saved registers must be as they were after each call out. */
int64_t fold(int64_t (*function)(int64_t, int64_t), int64_t n)
{
    int64_t a = 1, b = 2, c = 3, d = 5, e = 7, f = 11;
    for (int64_t i = 0; i < n; i++) {
        int64_t got = function(a, i);
        a += got, b ^= a, c += b, d ^= c, e += d, f ^= e;
    }
    return a + b + c + d + e + f;
}

static int (*kept)(int, int);
void keep(int (*function)(int, int)) { kept = function; }
int use_kept(int a) { return kept(a, 2); }

__thread int32_t counter = 40;
static __thread char local[24] = "local";
int32_t count(int by) { return counter += by; }
const char *local_text(void) { return local; }

int constructed;
__attribute__((constructor)) static void construct(void) { constructed = 1234; }

int trivial(int a, int b) { return a + b; }
__attribute__((noinline)) int read_at(const int *place) { return *place + 3; }
__attribute__((noinline)) int inner(const int *place) { return read_at(place) + 1; }
__attribute__((noinline)) int outer(const int *place) { return inner(place) * 2; }
int deep(int n)
{
    volatile signed char room[256];
    room[n % 256] = (signed char)n;
    return n ? deep(n - 1) + room[n % 256] : 0;
}
void forever(void) { for (volatile int i = 0;; i++) continue; }
void trap(void) { __builtin_trap(); }
#ifdef IMPORTS
extern int not_there(int);
int needs(int a) { return not_there(a) + 1; }
#endif
