/* Functions and variables for calls from Python. */
#include <stdarg.h>
#include <stdlib.h>
#include <errno.h>

struct point { double x, y; };
struct small { char a; int b; };
struct large { long words[6]; };
struct mixed { double d; long l; };
union both { double d; long l; };

int number = 42;
struct point origin = {1.5, 2.5};
const char *text = "hello";
__thread int own = 7;

double scale(double value, float by) { return value * by; }
struct point swap(struct point p) { return (struct point){p.y, p.x}; }
struct small bump(struct small s) { return (struct small){(char)(s.a + 1), s.b - 1}; }
struct large reverse(struct large l) { return (struct large){{l.words[5], l.words[4], l.words[3], l.words[2], l.words[1], l.words[0]}}; }
struct mixed exchange(struct mixed m) { return (struct mixed){(double)m.l, (long)m.d}; }
double sum(int count, ...) { double result = 0; va_list list; va_start(list, count); for (int i = 0; i < count; i++) result += va_arg(list, double); va_end(list); return result; }
int apply(int (*function)(int, struct point *), int count) { struct point p = {3, 4}; int result = 0; for (int i = 0; i < count; i++) result += function(i, &p); return result + (int)p.x; }
void sort(int *numbers, size_t count, int (*compare)(const void *, const void *)) { qsort(numbers, count, sizeof *numbers, compare); }
int fails(int code) { errno = code; return -1; }
const char *greet(void) { return text; }
int get_number(void) { return number; }
int get_own(void) { return own; }
