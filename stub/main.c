/* The stub: carries out one load plan in the fresh process image that the kernel made for it, and enters the program.
 *
 * It is a static PIE without libc, relocations, TLS or interpreter; `make stub` builds it for every architecture. The plan
 * is checked in Python before anything is exec'd; from here on there is no way back, so every failure is one line on stderr
 * and exit status 127.
 */
#include "stub.h"

/* start.S switches to this stack: the kernel's is going to be rewritten. */
uint8_t stub_stack[16384] __attribute__((aligned(16)));

void stub_main(uint64_t *sp)
{
    struct run run = {0};
    read_kernel_stack(&run.kernel, sp);
    find_plan(&run);
    long personality = SYS(SYS_personality, 0xffffffff, 0, 0, 0, 0);
    run.randomize = !failed(personality) && (personality & ADDR_NO_RANDOMIZE) ? 0 : (int)run.header.randomize;

    open_files(&run);
    choose_bases(&run);
    carry_out_ops(&run);

    struct prctl_mm_map mm = {0};
    place_stack(&run);
    apply_fixups(&run, run.header.fixups);
    tell_kernel(&run, &mm);
    if (run.mm_error) { /* then the strings have a better place, see place_stack */
        place_stack(&run);
        apply_fixups(&run, run.header.fixups);
    }
    copy_trampoline(&run);
    if (!sets_exe_link(&run))
        apply_fixups(&run, run.header.patches);
    depart(&run, &mm);
}
