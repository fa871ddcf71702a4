/* The address space: its mappings, the stack's every byte, and the heap. */
#include "entry.h"
#include "file.h"
#include "json.h"

enum { AT_EXECFN = 31, AT_PAGESZ = 6, STRAY_WORDS = 32, HEAP_GROWTH = 64 << 20 };

void show_memory(void)
{
    show_file("smaps", "/proc/self/smaps");
    show_file("stat", "/proc/self/stat");
    show_file("statm", "/proc/self/statm");
    json_signed_member("brk", CALL(SYS_brk, 0, 0, 0, 0, 0));
}

static uint64_t auxiliary(uint64_t type)
{
    const uint64_t *word = (const uint64_t *)entry.sp + 1;
    for (int vectors = 0; vectors < 2; word++)
        vectors += !*word;
    for (; word[0]; word += 2)
        if (word[0] == type)
            return word[1];
    return 0;
}

/* The end of the stack: the AT_EXECFN string and eight zero bytes, then the next page. */
static uint64_t stack_end(void)
{
    const char *name = (const char *)auxiliary(AT_EXECFN);
    while (*name)
        name++;
    uint64_t page = auxiliary(AT_PAGESZ);
    return ((uint64_t)name + 1 + sizeof(uint64_t) + page - 1) & -page;
}

/* The start of the mapping named [stack], the stack pointer if there is no telling. */
static uint64_t stack_start(void)
{
    static char line[512];
    char bytes[512];
    size_t used = 0;
    uint64_t start = entry.sp;
    long fd = CALL(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0, 0), size;
    while ((size = CALL(SYS_read, fd, bytes, sizeof bytes, 0, 0)) > 0)
        for (long i = 0; i < size; i++) {
            if (bytes[i] != '\n') {
                if (used < sizeof line)
                    line[used++] = bytes[i];
                continue;
            }
            static const char suffix[] = "[stack]";
            const size_t length = sizeof suffix - 1;
            int match = used > length;
            for (size_t k = 0; match && k < length; k++)
                match = line[used - length + k] == suffix[k];
            used = 0;
            if (match)
                for (start = 0; line[used] != '-'; used++)
                    start = start * 16 + (uint64_t)(line[used] <= '9' ? line[used] - '0' : line[used] - 'a' + 10);
            used = 0;
        }
    CALL(SYS_close, fd, 0, 0, 0, 0);
    return start;
}

void show_stack(void)
{
    uint64_t end = stack_end(), start = stack_start();
    json_member("stack_end", end);
    json_key("stack");
    json_hex((const void *)entry.sp, end - entry.sp);
    json_key("below_stack"); /* words that are not zero, by their distance from the stack pointer */
    json_open('[');
    size_t shown = 0;
    for (uint64_t at = entry.sp - 8 * (1 + MACHINE_SPOILT_WORDS); at >= start && shown < STRAY_WORDS; at -= 8) {
        uint64_t word = *(const volatile uint64_t *)at;
        if (!word)
            continue;
        json_open('[');
        json_number(entry.sp - at);
        json_number(word);
        json_close(']');
        shown++;
    }
    json_close(']');
}

void show_heap(void)
{
    long start = CALL(SYS_brk, 0, 0, 0, 0, 0);
    long end = CALL(SYS_brk, start + HEAP_GROWTH, 0, 0, 0, 0);
    json_key("heap");
    json_open('{');
    json_member("grown", (uint64_t)(end - start));
    if (end > start) {
        volatile uint8_t *heap = (volatile uint8_t *)start;
        json_member("first_byte", heap[0]);
        json_member("last_byte", heap[HEAP_GROWTH - 1]);
        heap[0] = heap[HEAP_GROWTH - 1] = 1;
        json_member("sum_after_writing", (uint64_t)heap[0] + heap[HEAP_GROWTH - 1]);
    }
    show_file("maps", "/proc/self/maps");
    json_signed_member("shrunk_again", CALL(SYS_brk, start, 0, 0, 0, 0) == start);
    json_close('}');
}
