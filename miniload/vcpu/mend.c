/* U9: helpers of the engine's that are called atomic and are not: their last instructions are replaced, where they are byte for byte what is known of the
 * wheel (arch/<host>/engine_mends.h). */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mend.h"

#include "engine_mends.h" /* of struct mend */
#include "state.h"

enum { HELPER_SIZE = 64 };

/* One helper's tail. 0 if it is as it should be now. */
static int mend_one(uint8_t *function, const struct mend *mend)
{
    uint8_t *at = memmem(function, HELPER_SIZE, mend->was, mend->size);
    if (!at)
        return memmem(function, HELPER_SIZE, mend->is, mend->size) ? 0 : -ENOSYS;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = (uintptr_t)at & -page, end = ((uintptr_t)at + mend->size + page - 1) & -page;
    if (mprotect((void *)start, end - start, PROT_READ | PROT_WRITE))
        return -errno;
    memcpy(at, mend->is, mend->size);
    if (mprotect((void *)start, end - start, PROT_READ | PROT_EXEC))
        return -errno;
    __builtin___clear_cache((char *)at, (char *)at + mend->size);
    return 0;
}

/* Whoever calls this has the turn, so that no other thread is in the engine. The first error, with the rest mended all the same. */
int mend_engine(const struct vcpu *v)
{
    int error = 0;
    for (size_t i = 0; i < sizeof MENDS / sizeof *MENDS && MENDS[i].function; i++) {
        uint8_t *function = own_function(v, MENDS[i].function);
        int failed = function ? mend_one(function, &MENDS[i]) : -ENOSYS;
        error = error ? error : failed;
    }
    return error;
}
