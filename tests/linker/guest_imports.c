/* What small libraries import of a C library. Each function gives 0, or the line that is not as the standard has it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) do { if (!(condition)) return __LINE__; } while (0)

static int order(const void *a, const void *b)
{
    return *(const unsigned char *)a - *(const unsigned char *)b;
}

char *sorted_letters(const char *text)
{
    size_t size = strlen(text);
    char *copy = malloc(size + 1);
    strcpy(copy, text);
    qsort(copy, size, 1, order);
    return copy;
}

int heap(int count)
{
    int *zeros = calloc((size_t)count, sizeof *zeros);
    CHECK(zeros);
    for (int i = 0; i < count; i++) {
        CHECK(!zeros[i]);
        zeros[i] = i;
    }
    int *more = realloc(zeros, (size_t)count * 100 * sizeof *more);
    CHECK(more);
    for (int i = 0; i < count; i++)
        CHECK(more[i] == i);
    free(more);
    free(NULL);
    int *large = malloc(4 << 20);
    CHECK(large);
    large[(4 << 20) / sizeof *large - 1] = 7;
    free(large);
    CHECK(!malloc((size_t)1 << 60));
    return 0;
}

int strings(void)
{
    char text[32] = "abc";
    CHECK(strcmp(text, "abc") == 0 && strcmp(text, "abd") < 0 && strncmp(text, "abd", 2) == 0);
    CHECK(strcat(text, "def") == text && strlen(text) == 6);
    CHECK(strchr(text, 'c') == text + 2 && strchr(text, 'z') == NULL && strchr(text, 0) == text + 6);
    CHECK(strrchr(text, 'a') == text && memchr(text, 'e', 6) == text + 4 && memchr(text, 'e', 4) == NULL);
    CHECK(memcmp(text, "abcdeg", 6) < 0 && memcmp(text, "abcdeg", 5) == 0);
    memmove(text + 1, text, 6);
    CHECK(memcmp(text, "aabcdef", 7) == 0);
    memset(text, 'x', 3);
    CHECK(memcmp(text, "xxxcdef", 7) == 0);
    strncpy(text, "q", 4);
    CHECK(memcmp(text, "q\0\0\0def", 7) == 0);
    CHECK(abs(-3) == 3);
    return 0;
}

/* Every conversion, more arguments than there are registers, and a text that is cut off. */
int formats(char *to, int size)
{
    return snprintf(to, (size_t)size, "%d|%5d|%-5d|%05d|%+d|%u|%x|%#X|%o|%c|%s|%.2s|%8.3f|%e|%g|%ld|%lu|%zu|%hhd|%*d|%.*f|%%|%llx", -7, 42, 42, 42, 5, 4000000000u,
                    255, 255, 8, 'z', "text", "text", 3.14159, 12345.678, 0.0001, -(1L << 40), 1UL << 63, sizeof(int), 300, 6, 9, 2, 2.71828, 1ULL << 60);
}

void leave(int status)
{
    exit(status);
}
