/* No instructions of the engine's are known that would have to be replaced on a host of this architecture. */
#ifndef MINILOAD_ENGINE_MENDS_H
#define MINILOAD_ENGINE_MENDS_H

#include <stdint.h>

struct mend {
    const char *function;
    uint8_t size, was[12], is[12];
};

static const struct mend MENDS[1] = {{0}};

#endif
