/* What arch/<host>/engine_mends.h lists: the end of a function of the engine's, and what takes its place. */
#ifndef MINILOAD_MEND_H
#define MINILOAD_MEND_H

#include <stdint.h>

struct mend {
    const char *function; /* without the guest's suffix */
    uint8_t size, was[12], is[12];
};

#endif
