/* Taking turns: several host threads, one for each thread of the guest, share one vCPU, of which one at a time has the turn. First come,
 * first served; who waits for longer than a slice has the running guest code stopped. */
#ifndef MINILOAD_TURN_H
#define MINILOAD_TURN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { TURN_SLICE_NS = 2000000, TURN_YIELDS = 20, TURN_YIELDING_NS = 100000, SECOND_NS = 1000000000 };

struct turn {
    atomic_uint next, serving; /* tickets; whoever holds `serving` has the turn */
    atomic_int waiting;        /* threads that sleep until it is theirs */
};

/* Of the monotonic clock. */
int64_t now_ns(void);
/* Waits for the turn. `kick(user)` is called, more than once if need be, when the slice of whoever has it is over. */
void turn_take(struct turn *turn, bool patient, void (*kick)(void *user), void *user);
void turn_give(struct turn *turn);
/* In a forked child, whose one thread had the turn: nobody else is there. */
void turn_forked(struct turn *turn);

#endif
