/* The state in which the program was entered, saved by _start (<arch>.S) before anything else happens. */
#ifndef PROBE_ENTRY_H
#define PROBE_ENTRY_H

#include "system.h"

struct entry {
    uint64_t sp, flags;
    uint64_t registers[MACHINE_REGISTERS];
    struct machine_state machine __attribute__((aligned(64)));
};
extern struct entry entry __attribute__((visibility("hidden"))); /* or it would be found through a relocated pointer */
_Static_assert(offsetof(struct entry, registers) == 16, "<arch>.S");
_Static_assert(offsetof(struct entry, machine) == ENTRY_MACHINE, "<arch>.S");

void show_entry(void);       /* registers, floating point, segments */
void show_arguments(void);   /* argc, argv, envp, auxv, as a program finds them */
void show_stack(void);       /* every byte from the stack pointer up, and what is not zero below it */
void show_memory(void);      /* mappings */
void show_heap(void);        /* whether brk works; changes the mappings */
void show_attributes(void);  /* what system calls tell of the process */
void show_signals(void);
void show_descriptors(void);
void show_proc(void);        /* files of /proc/self */

#endif
