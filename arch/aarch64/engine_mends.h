/* No instructions of the engine's are known that would have to be replaced on a host of this architecture. */
#ifndef MINILOAD_ENGINE_MENDS_H
#define MINILOAD_ENGINE_MENDS_H

static const struct mend MENDS[1] = {{0}};

#endif
