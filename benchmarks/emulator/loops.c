/* Loops that each strain one part of an emulator, each timed inside the program, so that its start-up does not count.
 *
 *     loops [DIVISOR [LOOP...]]
 *
 * runs all loops or those named, with the numbers of rounds divided by DIVISOR, and prints a line "LOOP SECONDS" for each. The seconds
 * are multiplied by DIVISOR again: a contender that would take minutes is measured on less work. Buffers keep their sizes.
 * What the loops work out goes into `result`, which is printed, so that the compiler has to leave them as they are. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define KEEP(integer) __asm__ volatile("" : "+r"(integer))
enum { MIB = 1 << 20, BIG = 16 * MIB, SMALL = 512 << 10, SORTED = 500000, TABLE = 1 << 16 };

static uint64_t result;
static uint32_t *big;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC_RAW, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static uint64_t next_random(uint64_t state)
{
    return state * 6364136223846793005u + 1442695040888963407u;
}

static void *fresh(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    return memory;
}

static double alu(long rounds)
{
    double start = now();
    uint64_t a = 1, b = 2;
    for (long i = 0; i < rounds; i++) {
        a = (a << 3 ^ b) + (uint64_t)i;
        b = (b >> 1 | a) - 5;
        KEEP(a);
    }
    result += a ^ b;
    return now() - start;
}

static double fill_fresh(long rounds)
{
    double spent = 0;
    while (rounds-- > 0) {
        char *memory = fresh(BIG);
        double start = now();
        memset(memory, 1, BIG);
        KEEP(memory);
        spent += now() - start;
        result += (uint64_t)memory[BIG - 1];
        munmap(memory, BIG);
    }
    return spent;
}

static double read_in_order(long rounds)
{
    double start = now();
    uint64_t sum = 0;
    const uint64_t *words = (const uint64_t *)big;
    while (rounds-- > 0)
        for (long i = 0; i < BIG / 8; i++) {
            sum += words[i];
            KEEP(sum);
        }
    result += sum;
    return now() - start;
}

static double read_anywhere(long rounds, uint32_t size)
{
    double start = now();
    uint64_t sum = 0, state = 1;
    uint32_t mask = size / 4 - 1;
    for (long i = 0; i < rounds; i++) {
        state = next_random(state);
        sum += big[state >> 33 & mask];
    }
    result += sum;
    return now() - start;
}

static double read_anywhere_big(long rounds)
{
    return read_anywhere(rounds, BIG);
}

static double read_anywhere_small(long rounds)
{
    return read_anywhere(rounds, SMALL);
}

__attribute__((noinline)) static long successor(long x)
{
    KEEP(x);
    return x + 1;
}

__attribute__((noinline)) static long double_successor(long x)
{
    KEEP(x);
    return x + 2;
}

static double call(long rounds)
{
    double start = now();
    long x = 0;
    for (long i = 0; i < rounds; i++)
        x = successor(x);
    result += (uint64_t)x;
    return now() - start;
}

static double call_indirectly(long rounds)
{
    long (*functions[2])(long) = {successor, double_successor};
    double start = now();
    long x = 0;
    for (long i = 0; i < rounds; i++) {
        long (*function)(long) = functions[i & 1];
        KEEP(function);
        x = function(x);
    }
    result += (uint64_t)x;
    return now() - start;
}

static int compare(const void *left, const void *right)
{
    int a = *(const int *)left, b = *(const int *)right;
    return (a > b) - (a < b);
}

static double sort(long rounds)
{
    static int numbers[SORTED];
    uint64_t state = 1;
    for (long i = 0; i < rounds; i++) {
        state = next_random(state);
        numbers[i] = (int)(state >> 33);
    }
    double start = now();
    qsort(numbers, (size_t)rounds, sizeof *numbers, compare);
    double spent = now() - start;
    result += (uint64_t)numbers[rounds / 2];
    return spent;
}

static double divide(long rounds)
{
    volatile double divisor = 1.0000001, addend = 0.5;
    double start = now(), by = divisor, add = addend, x = 1;
    for (long i = 0; i < rounds; i++)
        x = x / by + add;
    result += (uint64_t)x;
    return now() - start;
}

static double call_system(long rounds)
{
    double start = now();
    for (long i = 0; i < rounds; i++)
        result += (uint64_t)syscall(SYS_getppid);
    return now() - start;
}

static double copy_between(char *to, const char *from, long rounds)
{
    double start = now();
    while (rounds-- > 0) {
        memcpy(to, from, MIB);
        KEEP(to);
    }
    result += (uint64_t)to[5];
    return now() - start;
}

/* The distance is no power of two, as with most buffers. */
static double copy(long rounds)
{
    return copy_between((char *)big + BIG / 2 + 37 * 4096, (char *)big, rounds);
}

/* The distance is one: in a small cache of translated addresses that is indexed by low bits, source and destination take each other's place. */
static double copy_far(long rounds)
{
    return copy_between((char *)big + BIG / 2, (char *)big, rounds);
}

static double hash_bytes(long rounds)
{
    const uint8_t *bytes = (const uint8_t *)big;
    double start = now();
    uint64_t hash = 0xcbf29ce484222325u;
    for (long i = 0; i < rounds; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    result += hash;
    return now() - start;
}

static double look_up(long rounds)
{
    static uint64_t keys[TABLE], counts[TABLE];
    uint64_t state = 1;
    double start = now();
    for (long i = 0; i < rounds; i++) {
        state = next_random(state);
        uint64_t key = (state >> 40 & 0x7fff) + 1, at = key * 0x9e3779b97f4a7c15u >> 48;
        while (keys[at] != key && keys[at])
            at = (at + 1) % TABLE;
        keys[at] = key;
        counts[at]++;
    }
    result += counts[77];
    return now() - start;
}

static double strings(long rounds)
{
    static char words[256][32];
    for (int i = 0; i < 256; i++)
        snprintf(words[i], sizeof words[i], "common prefix, %d", i * 7919);
    double start = now();
    for (long i = 0; i < rounds; i++) {
        const char *word = words[i & 255], *other = words[i * 7 & 255];
        KEEP(word);
        result += strlen(word) + (strcmp(word, other) < 0) + (strchr(word, ',') == word);
    }
    return now() - start;
}

static const struct {
    const char *name;
    double (*run)(long rounds);
    long rounds;
} loops[] = {
    {"memcpy-8M-apart", copy_far, 20},
    {"alu", alu, 20000000},
    {"memset-fresh", fill_fresh, 1},
    {"read-sequential", read_in_order, 4},
    {"read-random-16M", read_anywhere_big, 5000000},
    {"read-random-512K", read_anywhere_small, 5000000},
    {"call", call, 10000000},
    {"call-indirect", call_indirectly, 10000000},
    {"qsort", sort, SORTED},
    {"divide", divide, 5000000},
    {"getppid", call_system, 50000},
    {"memcpy", copy, 200},
    {"hash-bytes", hash_bytes, BIG},
    {"hash-table", look_up, 5000000},
    {"strings", strings, 1000000},
};

static int wanted(const char *name, int count, char **names)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(name, names[i]))
            return 1;
    return !count;
}

int main(int argc, char **argv)
{
    long divisor = argc > 1 ? atol(argv[1]) : 1;
    if (divisor < 1)
        return 2;
    big = fresh(BIG);
    memset(big, 3, BIG);
    for (size_t i = 0; i < sizeof loops / sizeof *loops; i++) {
        if (!wanted(loops[i].name, argc > 2 ? argc - 2 : 0, argv + 2))
            continue;
        long rounds = loops[i].rounds / divisor;
        if (rounds < 1)
            rounds = 1;
        double seconds = loops[i].run(rounds);
        printf("%s %.9f\n", loops[i].name, seconds * ((double)loops[i].rounds / (double)rounds));
        fflush(stdout);
    }
    fprintf(stderr, "%llu\n", (unsigned long long)result);
    return 0;
}
