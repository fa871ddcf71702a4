/* Where the pages of an image come from: the steps that ld.so takes (glibc 2.42 elf/dl-map-segments.h), as a list that any address space can carry out. */
#include <string.h>

#include "linker.h"

/* PROT_* for PF_*. */
uint32_t protection_of(uint32_t flags)
{
    return (flags & PF_R ? 1 : 0) | (flags & PF_W ? 2 : 0) | (flags & PF_X ? 4 : 0);
}

enum { NOT_MAPPED = 8 };

struct list {
    struct step *steps;
    uint32_t count;
};

static void add(struct list *list, uint32_t kind, uint32_t protection, uint64_t address, uint64_t size, uint64_t offset)
{
    if (size)
        list->steps[list->count++] = (struct step){kind, protection, address, size, offset};
}

/* The part of a page behind what is in the file reads as zeros; a segment that may not be written is writable for that moment. */
static void add_clear(struct list *list, uint32_t protection, uint64_t address, uint64_t size, uint64_t page)
{
    bool writable = protection & 2;
    if (!size)
        return;
    if (!writable)
        add(list, STEP_PROTECT, 3, address & -page, page, 0);
    add(list, STEP_CLEAR, protection, address, size, 0);
    if (!writable)
        add(list, STEP_PROTECT, protection, address & -page, page, 0);
}

/* `mapped`: the protection with which the file part is there already, or NOT_MAPPED. */
static void add_segment(struct list *list, const struct segment *segment, uint64_t page, uint32_t mapped)
{
    uint32_t protection = protection_of(segment->flags);
    uint64_t start = segment->address & -page, file_end = segment->address + segment->file_size, end = (segment->address + segment->size + page - 1) & -page;
    uint64_t pages_end = segment->file_size ? (file_end + page - 1) & -page : start;
    if (mapped == NOT_MAPPED)
        add(list, STEP_FILE, protection, start, pages_end - start, segment->offset & -page);
    else if (mapped != protection)
        add(list, STEP_PROTECT, protection, start, pages_end - start, 0);
    if (segment->file_size && segment->size > segment->file_size) {
        uint64_t stop = segment->address + segment->size < pages_end ? segment->address + segment->size : pages_end;
        add_clear(list, protection, file_end, stop - file_end, page);
    }
    add(list, STEP_ZERO, protection, pages_end, end - pages_end, 0);
}

/* The steps, at most STEPS_MAX, after the address space for the whole has been taken. `whole`: it was taken by mapping the file there, with the
 * first segment's protection and offset, as ld.so does; otherwise it is empty. The number of steps. */
uint32_t linker_plan(const struct image *image, uint64_t page, uint32_t whole, struct step *steps)
{
    struct list list = {steps, 0};
    uint64_t end = image->low;
    for (uint32_t i = 0; i < image->segment_count; i++) {
        const struct segment *segment = &image->segments[i];
        uint64_t start = segment->address & -page;
        if (whole && start > end)
            add(&list, STEP_PROTECT, 0, end, start - end, 0); /* what lies between segments is nobody's */
        /* Most segments that are not writable are as far into the file as the first: then they are there, and one call is saved. */
        bool there = whole && (!i || (!(segment->flags & PF_W) && segment->address - segment->offset == image->segments[0].address - image->segments[0].offset));
        add_segment(&list, segment, page, there ? protection_of(image->segments[0].flags) : NOT_MAPPED);
        end = (segment->address + segment->size + page - 1) & -page;
    }
    return list.count;
}

/* Whether the address space can be taken by mapping the file: its first segment has a file part, and any page will do for a start. */
uint32_t linker_maps_whole(const struct image *image, uint64_t page)
{
    return image->align <= page && image->segments[0].file_size != 0;
}
