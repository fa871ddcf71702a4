/* A library whose object file asks for an executable stack (built with -z execstack): it calls a nested function by pointer. */
static int twice(int (*function)(int), int value) { return function(function(value)); }

int add_twice(int value, int step)
{
    int add(int n) { return n + step; }
    return twice(add, value);
}
