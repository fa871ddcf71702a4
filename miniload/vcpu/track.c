/* Which pages the guest has written, for a child that has borrowed its parent's memory (vfork). */
#include <errno.h>
#include <stdlib.h>

#include "state.h"

enum { PAGES_MAX = 1 << 16 };

/* From the fill hook. More pages than anybody writes between vfork and exec are not recorded. */
void note_write(struct vcpu *v, uint64_t page)
{
    if (v->written_count == v->written_room) {
        uint32_t room = v->written_room ? v->written_room * 2 : 64;
        uint64_t *grown = room <= PAGES_MAX ? realloc(v->written, room * sizeof *grown) : NULL;
        if (!grown)
            return;
        v->written = grown;
        v->written_room = room;
    }
    v->written[v->written_count++] = page;
}

int vcpu_track(struct vcpu *v, int on)
{
    v->tracking = on;
    v->written_count = 0;
    return flush_tlb(v);
}

/* How many, and as many of them as there is room for. */
int64_t vcpu_written(const struct vcpu *v, uint64_t *pages, uint32_t room)
{
    for (uint32_t i = 0; i < v->written_count && i < room; i++)
        pages[i] = v->written[i];
    return v->written_count;
}
