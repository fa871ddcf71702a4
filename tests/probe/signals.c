/* Signals: dispositions as the kernel keeps them, masks, the alternate stack. */
#include "entry.h"
#include "json.h"

enum { SIGNALS = 64, SET_SIZE = 8 };

void show_signals(void)
{
    uint64_t set = 0;
    struct { uint64_t sp; int32_t flags, unused; uint64_t size; } stack = {0};
    json_key("signals"); /* struct sigaction, word by word: handler, flags, then restorer and mask, or mask alone */
    json_open('[');
    for (int number = 1; number <= SIGNALS; number++) {
        uint64_t action[4] = {0};
        json_open('[');
        json_signed(CALL(SYS_rt_sigaction, number, 0, action, SET_SIZE, 0));
        for (size_t i = 0; i < 4; i++)
            json_number(action[i]);
        json_close(']');
    }
    json_close(']');
    CALL(SYS_rt_sigprocmask, 0, 0, &set, SET_SIZE, 0);
    json_member("blocked", set);
    CALL(SYS_rt_sigpending, &set, SET_SIZE, 0, 0, 0);
    json_member("pending", set);
    CALL(SYS_sigaltstack, 0, &stack, 0, 0, 0);
    json_key("altstack");
    json_open('[');
    json_number(stack.sp);
    json_signed(stack.flags);
    json_number(stack.size);
    json_close(']');
}
