/* What a child writes that has borrowed its parent's memory (vfork), byte for byte: the parent's other threads go on meanwhile, and their changes to the
 * same pages must not be undone when the child's are brought home. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"

enum { PAGES_MAX = 4096, HEAD = sizeof(uint64_t) + sizeof(uint16_t) };

static bool make_room(struct vcpu *v)
{
    uint32_t room = v->written_room ? v->written_room * 2 : 16;
    if (v->written_count < v->written_room)
        return true;
    struct written *grown = room <= PAGES_MAX ? realloc(v->written, room * sizeof *grown) : NULL;
    if (!grown)
        return false;
    v->written = grown;
    v->written_room = room;
    return true;
}

/* From the fill hook, before a page is written. More pages than anybody writes between vfork and exec are not recorded. */
void note_write(struct vcpu *v, uint64_t page)
{
    if (!make_room(v))
        return;
    struct written *w = &v->written[v->written_count];
    w->page = page;
    if (!vcpu_copy_in(v, page, w->before, sizeof w->before))
        v->written_count++;
}

int vcpu_track(struct vcpu *v, int on)
{
    v->tracking = on;
    v->written_count = 0;
    return flush_tlb(v);
}

/* A page that the TLB has lost meanwhile is noted again, and only what was there at first counts. */
static bool is_noted_before(const struct vcpu *v, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++)
        if (v->written[i].page == v->written[index].page)
            return true;
    return false;
}

struct output {
    uint8_t *to;
    uint64_t room, size;
};

static void put_change(struct output *out, uint64_t address, const uint8_t *bytes, uint16_t length)
{
    if (out->size + HEAD + length <= out->room) {
        uint8_t *at = out->to + out->size;
        memcpy(at, &address, sizeof address);
        memcpy(at + sizeof address, &length, sizeof length);
        memcpy(at + HEAD, bytes, length);
    }
    out->size += HEAD + length;
}

static void put_changes(struct output *out, const struct written *w, const uint8_t *after)
{
    for (uint32_t at = 0; at < VCPU_PAGE;) {
        uint32_t end = at;
        if (at % 8 == 0 && !memcmp(w->before + at, after + at, 8)) {
            at += 8;
            continue;
        }
        while (end < VCPU_PAGE && w->before[end] != after[end])
            end++;
        if (end > at)
            put_change(out, w->page + at, after + at, (uint16_t)(end - at));
        at = end > at ? end : at + 1;
    }
}

/* Of all pages noted, the bytes that are not as they were: address (8 bytes), length (2), bytes, and so on. The size of it all; stored is what there is room for. */
int64_t vcpu_changes(struct vcpu *v, uint8_t *to, uint64_t room)
{
    struct output out = {to, room, 0};
    uint8_t after[VCPU_PAGE];
    for (uint32_t i = 0; i < v->written_count; i++)
        if (!is_noted_before(v, i) && !vcpu_copy_in(v, v->written[i].page, after, sizeof after))
            put_changes(&out, &v->written[i], after);
    return (int64_t)out.size;
}

/* What vcpu_changes() has made of another process's memory. What cannot be stored was in a mapping that is the child's own. */
int vcpu_apply_changes(struct vcpu *v, const uint8_t *changes, uint64_t size)
{
    for (uint64_t at = 0; size - at >= HEAD;) {
        uint64_t address;
        uint16_t length;
        memcpy(&address, changes + at, sizeof address);
        memcpy(&length, changes + at + sizeof address, sizeof length);
        at += HEAD;
        if (length > size - at)
            return -EINVAL;
        if (!vcpu_copy_out(v, address, changes + at, length) && length && v->prot[address / VCPU_PAGE] & VCPU_EXEC)
            vcpu_invalidate(v, address, length);
        at += length;
    }
    return 0;
}
