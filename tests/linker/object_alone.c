/* Code that needs no library, for objects that are not position-independent: absolute addresses, thread-local storage at fixed offsets, jump tables, branches
 * of all lengths. run() is a number made of all of it. */
static int zeros[300];
int data[6] = {3, 1, 4, 1, 5, 9};
short halves[4] = {10, 20, 30, 40};
unsigned char bytes[8] = {1, 2, 3, 4, 5, 6, 7, 8};
long long wide[2] = {1000000007LL, -5};
int *pointers[3] = {&data[4], data, &zeros[7]};
static __thread int first = 17;
__thread long long second = 400;
static __thread unsigned char third[4000];

__attribute__((noinline, aligned(32))) static int mix(int a, int b)
{
    switch (a & 7) {
    case 0: return b + 1;
    case 1: return b * 3;
    case 2: return b - data[2];
    case 3: return b ^ 0x55;
    case 4: return b + halves[2];
    case 5: return b * bytes[5];
    case 6: return b + (int)wide[1];
    default: return *pointers[b & 1];
    }
}

__attribute__((noinline)) static int walk(int (*function)(int, int), int n)
{
    int sum = 0;
    for (int i = 0; i < n; i++)
        sum = function(i, sum) & 0xFFFFF;
    return sum;
}

__attribute__((noinline)) int aligned(void)
{
    return (int)((unsigned long)mix & 31);
}

int run(int n)
{
    zeros[7] = n;
    first += n;
    second += first;
    third[3999] = 1;
    third[n & 1023]++;
    return walk(mix, 50) + *pointers[2] + first + (int)second + third[3999] + third[n & 1023] + (int)wide[0] + aligned();
}
