/* The probe: prints, as one JSON object on standard output, all that a program can see of the state in which it was started.
 *
 * Run once by execve and once by something that claims to do the same, the two objects must not differ but for what cannot be
 * equal. The probe has no libc, so nothing has run before it; it reports what it finds and judges nothing. It looks before it
 * touches: what its own work would change (mappings, the heap, descriptors) is reported first.
 */
#include "entry.h"
#include "json.h"

uint8_t probe_stack[65536] __attribute__((aligned(16))); /* _start switches to it: the real one is evidence */
struct entry entry;

void probe_main(void)
{
    json_open('{');
    json_key("machine");
    json_text(MACHINE_NAME);
    show_memory();
    show_descriptors();
    show_stack();
    show_entry();
    show_arguments();
    show_signals();
    show_attributes();
    show_proc();
    show_heap();
    json_close('}');
    json_flush();
    CALL(SYS_exit_group, 0, 0, 0, 0, 0);
    for (;;)
        ;
}

/* Compilers call these even in freestanding code. */
void *memcpy(void *to, const void *from, size_t size)
{
    volatile uint8_t *d = to;
    const uint8_t *s = from;
    while (size--)
        *d++ = *s++;
    return to;
}

void *memset(void *to, int value, size_t size)
{
    volatile uint8_t *d = to;
    while (size--)
        *d++ = (uint8_t)value;
    return to;
}
