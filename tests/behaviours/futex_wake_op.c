/* Raw futex: FUTEX_WAKE_OP changes the second word, and wakes its waiters if the old value compares. */
#include <linux/futex.h>

#include "behaviour.h"

static uint32_t first, second = 5;

int main(void)
{
    long got = syscall(SYS_futex, &first, FUTEX_WAKE_OP_PRIVATE, 1, 1, &second, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 5));
    say("add: %ld, %u", got, second);
    got = syscall(SYS_futex, &first, FUTEX_WAKE_OP_PRIVATE, 1, 1, &second, FUTEX_OP(FUTEX_OP_SET, 100, FUTEX_OP_CMP_GT, 5));
    say("set: %ld, %u", got, second);
    got = syscall(SYS_futex, &first, FUTEX_WAKE_OP_PRIVATE, 1, 1, &second, FUTEX_OP(FUTEX_OP_ANDN, 4, FUTEX_OP_CMP_LT, 5));
    say("and not: %ld, %u", got, second);
    got = syscall(SYS_futex, &first, FUTEX_WAKE_OP_PRIVATE, 1, 1, &second, FUTEX_OP(15, 4, FUTEX_OP_CMP_LT, 5));
    say("no such operation: %s", outcome(got));
    return 0;
}
