/* Prints what a program can know about its start and its C library, each fact the same on every machine. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

extern char **environ;

static _Thread_local int counted = 5;
static _Thread_local char zeroed[64];
static int constructed;
static jmp_buf place;

__attribute__((constructor)) static void construct(void) { constructed = 11; }

static void at_exit(void) { puts("at exit"); }

static int by_value(const void *one, const void *two) {
    int left = *(const int *)one, right = *(const int *)two;
    return (left > right) - (left < right);
}

static void start(int argc, char **argv) {
    for (int i = 0; i < argc; i++)
        printf("argv[%d] = %s\n", i, i ? argv[i] : strrchr(argv[0], '/') + 1);
    printf("argv ends: %d, environ follows: %d\n", argv[argc] == NULL, environ == argv + argc + 1);
    const char *fact = getenv("FACT");
    printf("FACT = %s\n", fact ? fact : "not set");
    char here;
    printf("stack aligned: %d, strings above the vectors: %d\n", (uintptr_t)__builtin_frame_address(0) % 16 == 0, argv[0] > (char *)argv);
    printf("stack grows down: %d\n", &here < argv[0]);
}

static void auxiliary(void) {
    printf("page size: %lu, agrees: %d\n", getauxval(AT_PAGESZ), getauxval(AT_PAGESZ) == (unsigned long)sysconf(_SC_PAGESIZE));
    printf("AT_PHENT %lu, AT_PHNUM sane: %d, AT_PHDR set: %d, AT_ENTRY set: %d\n", getauxval(AT_PHENT), getauxval(AT_PHNUM) - 1 < 30, getauxval(AT_PHDR) != 0,
           getauxval(AT_ENTRY) != 0);
    const unsigned char *random = (const unsigned char *)getauxval(AT_RANDOM);
    int any = 0;
    for (int i = 0; i < 16; i++)
        any |= random[i];
    printf("AT_RANDOM: %d, AT_SECURE %lu, AT_CLKTCK %lu\n", any != 0, getauxval(AT_SECURE), getauxval(AT_CLKTCK));
    printf("ids: %d\n", getauxval(AT_UID) == getuid() && getauxval(AT_EUID) == geteuid() && getauxval(AT_GID) == getgid() && getauxval(AT_EGID) == getegid());
    const char *name = (const char *)getauxval(AT_EXECFN);
    printf("AT_EXECFN: %s\n", strrchr(name, '/') + 1);
    errno = 0;
    printf("unknown: %lu, ENOENT: %d\n", getauxval(9999), errno == ENOENT);
}

static void numbers(void) {
    volatile double third = 1.0 / 3, two = 2, huge = 1e308, tiny = 5e-324;
    volatile float single = 16777217.0f;
    printf("%.17g %.17g %g %g %g %.1f\n", third, sqrt(two), huge * 10, tiny / 2, -0.0, single);
    printf("%.12f %.12f %.12f %.12f\n", sin(two), exp(two), log(two), pow(two, third));
    printf("%g %g %ld %lld\n", fma(third, 3, -1), fmod(-7, two), lrint(2.5), llround(-2.5));
    volatile int64_t least = INT64_MIN, minus = -7;
    volatile uint64_t most = UINT64_MAX;
    printf("%" PRId64 " %" PRIu64 " %" PRId64 " %" PRIu64 " %" PRId64 "\n", least, most / 3, minus / 2, most % 1000, minus >> 1);
    unsigned __int128 product = (unsigned __int128)most * most;
    printf("%016" PRIx64 "%016" PRIx64 "\n", (uint64_t)(product >> 64), (uint64_t)product);
    printf("%d %d %d %" PRIx64 "\n", __builtin_popcountll(most), __builtin_clzll(most >> 9), __builtin_ctzll(1ull << 40), __builtin_bswap64(0x0102030405060708));
    printf("%d %ld %g %s\n", atoi("42x"), strtol("-0x1f", NULL, 16), strtod("1.5e3", NULL), strerror(ENOENT));
}

static void memory(void) {
    int values[] = {5, -3, 9, 0, 7};
    qsort(values, 5, sizeof *values, by_value);
    printf("%d %d %d %d %d\n", values[0], values[1], values[2], values[3], values[4]);
    char *blocks[200];
    unsigned sum = 0;
    for (unsigned i = 0; i < 200; i++) {
        blocks[i] = malloc(i * 997 + 1);
        memset(blocks[i], (int)i, i * 997 + 1);
    }
    for (unsigned i = 0; i < 200; i++) {
        blocks[i] = realloc(blocks[i], i * 1999 + 1);
        sum += (unsigned char)blocks[i][i * 997];
        free(blocks[i]);
    }
    printf("allocated: %u, zeroed: %d\n", sum, zeroed[0] == 0 && zeroed[63] == 0);
    unsigned char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    page[8191] = 3;
    printf("mapped: %d %d\n", page[0], mprotect(page, 4096, PROT_READ));
    printf("unmapped: %d\n", munmap(page, 8192));
}

static volatile sig_atomic_t caught;

static void catch(int number, siginfo_t *info, void *context) {
    (void)context;
    caught = number + (info->si_pid == getpid() ? 100 : 0);
}

static void control(void) {
    volatile int jumps = 0;
    if (setjmp(place) < 3)
        longjmp(place, ++jumps);
    printf("jumped %d times\n", jumps);
    struct sigaction action = {.sa_sigaction = catch, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    printf("caught %s: %d\n", strsignal(SIGUSR1), caught > 0);
    printf("thread's own: %d, constructed: %d\n", ++counted, constructed);
}

static void files(void) {
    FILE *file = fopen("made", "w+");
    fprintf(file, "%s %d\n", "written", 7);
    rewind(file);
    char word[20];
    int number;
    printf("read %d: %s %d\n", fscanf(file, "%19s %d", word, &number), word, number);
    fclose(file);
    struct stat facts;
    printf("stat %d, size %ld, regular %d\n", stat("made", &facts), (long)facts.st_size, S_ISREG(facts.st_mode));
    printf("missing: %d, errno %d; EFAULT: %zd, errno %d\n", open("missing", O_RDONLY), errno, write(1, (void *)1, 1), errno);
    time_t moment = 1000000000;
    char text[40];
    strftime(text, sizeof text, "%F %T", gmtime(&moment));
    struct timespec now;
    printf("%s, clock: %d\n", text, clock_gettime(CLOCK_MONOTONIC, &now));
    wchar_t wide[8];
    printf("locale %s: %zu\n", setlocale(LC_ALL, "C.UTF-8") ? "set" : "none", mbstowcs(wide, "\xc3\xa4\xe2\x82\xac", 8));
}

int main(int argc, char **argv) {
    start(argc, argv);
    auxiliary();
    numbers();
    memory();
    control();
    files();
    atexit(at_exit);
    return argc + 40;
}
