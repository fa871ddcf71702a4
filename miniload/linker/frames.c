/* .eh_frame, for the host's unwinder: it trusts what it is given, so all of it is looked at first (LSB 5.0, "Exception Frames"). */
#include <string.h>

#include "inside.h"

enum { PE_ABSOLUTE = 0, PE_RELATIVE = 0x10, PE_OMIT = 0xFF, RECORD_LIMIT = 0x7FFFFFFF };

struct bytes { /* link addresses [at, end), in one segment */
    const struct object *object;
    uint64_t at, end;
};

static uint64_t take(struct bytes *bytes, unsigned size)
{
    uint64_t value = 0;
    if (bytes->end - bytes->at < size) {
        bytes->at = bytes->end = 0;
        return 0;
    }
    memcpy(&value, bytes->object->memory + bytes->at, size);
    bytes->at += size;
    return value;
}

static uint64_t take_leb(struct bytes *bytes)
{
    uint64_t value = 0, byte = 0x80;
    for (unsigned shift = 0; byte & 0x80 && bytes->end; shift += 7) {
        byte = take(bytes, 1);
        if (shift < 64)
            value |= (byte & 0x7F) << shift;
    }
    return value;
}

static unsigned width_of(unsigned encoding)
{
    static const uint8_t widths[16] = {8, 0, 2, 4, 8, 0, 0, 0, 8, 0, 2, 4, 8};
    return (encoding & 0x70) == PE_ABSOLUTE || (encoding & 0x70) == PE_RELATIVE ? widths[encoding & 15] : 0;
}

/* A value as an address of the target. */
static uint64_t take_encoded(struct bytes *bytes, unsigned encoding)
{
    uint64_t from = bytes->object->bias + bytes->at, width = width_of(encoding), value = take(bytes, (unsigned)width);
    if (encoding & 8 && width < 8 && value >> (8 * width - 1))
        value |= UINT64_MAX << 8 * width;
    return value + ((encoding & 0x70) == PE_RELATIVE ? from : 0);
}

/* How a CIE says that its FDEs' addresses are written; PE_OMIT if it is none that the unwinder knows. `cie`: behind its id. */
static unsigned encoding_of(struct bytes cie)
{
    char letters[8] = {0};
    unsigned version = (unsigned)take(&cie, 1), count = 0;
    while (count < sizeof letters - 1 && (letters[count] = (char)take(&cie, 1)))
        count++;
    if ((version != 1 && version != 3) || letters[count] || !cie.end)
        return PE_OMIT;
    if (!letters[0])
        return PE_ABSOLUTE;
    if (letters[0] != 'z')
        return PE_OMIT;
    take_leb(&cie);
    take_leb(&cie); /* of the data alignment the sign does not matter here */
    if (version == 1)
        take(&cie, 1);
    else
        take_leb(&cie);
    take_leb(&cie);
    unsigned encoding = PE_ABSOLUTE;
    for (const char *letter = letters + 1; *letter; letter++) {
        unsigned kind = *letter == 'R' || *letter == 'L' || *letter == 'P' ? (unsigned)take(&cie, 1) : 0;
        if (*letter == 'R')
            encoding = kind;
        else if (*letter == 'P' && !width_of(kind & ~0x80u))
            return PE_OMIT;
        else if (*letter == 'P')
            take(&cie, width_of(kind & ~0x80u));
        else if (*letter == 'L' && kind != PE_OMIT && !width_of(kind & ~0x80u))
            return PE_OMIT;
        else if (!strchr("RLPSB", *letter))
            return PE_OMIT;
    }
    return cie.end && width_of(encoding) && encoding < 0x80 ? encoding : PE_OMIT;
}

/* The record at `at`: its contents behind the id, which goes to `id`. False: it does not lie in the section, or is the end, and then its length is 0. */
static bool record(const struct bytes *section, uint64_t at, struct bytes *out, uint32_t *id, uint32_t *length)
{
    struct bytes head = {section->object, at, section->end};
    if (at < section->at || at >= section->end || section->end - at < 4)
        return *length = UINT32_MAX, false;
    *length = (uint32_t)take(&head, 4);
    if (*length < 4 || *length > RECORD_LIMIT || head.end - head.at < *length)
        return false;
    *id = (uint32_t)take(&head, 4);
    *out = (struct bytes){section->object, head.at, at + 4 + *length};
    return true;
}

static bool sound(const struct bytes *section, uint64_t at, struct bytes contents, uint32_t id, uint64_t *cie_at, unsigned *encoding)
{
    if (!id)
        return encoding_of(contents) != PE_OMIT;
    uint64_t cie = at + 4 - id;
    if (cie != *cie_at) {
        struct bytes other;
        uint32_t other_id, length;
        if (!record(section, cie, &other, &other_id, &length) || other_id || (*encoding = encoding_of(other)) == PE_OMIT)
            return false;
        *cie_at = cie;
    }
    const struct object *object = section->object;
    uint64_t start = take_encoded(&contents, *encoding), size = take_encoded(&contents, *encoding & 15), limit = object->bias + object->image.high;
    return contents.end && start >= object->bias + object->image.low && start <= limit && size <= limit - start;
}

/* The address of the object's .eh_frame, and its size to `size` unless that is NULL; 0 if it has none, or none that the unwinder would get along with. */
uint64_t linker_frames(const struct object *object, uint64_t *size)
{
    const struct extent *extent = &object->image.eh_frame;
    uint64_t room = image_room(object, extent->address);
    struct bytes header = {object, extent->address, extent->address + room};
    if (!extent->present || room < 8 || take(&header, 1) != 1)
        return 0;
    unsigned encoding = (unsigned)take(&header, 1);
    take(&header, 2);
    if (encoding >= 0x80 || !width_of(encoding))
        return 0;
    uint64_t start = take_encoded(&header, encoding) - object->bias, cie_at = UINT64_MAX, records = 0;
    struct bytes section = {object, start, start + image_room(object, start)};
    for (uint64_t at = start;; records++) {
        struct bytes contents;
        uint32_t id = 0, length = 0;
        if (!record(&section, at, &contents, &id, &length)) {
            if (size)
                *size = at + 4 - start;
            return !length && records && start % 4 == 0 ? object->bias + start : 0;
        }
        if (!sound(&section, at, contents, id, &cie_at, &encoding))
            return 0;
        at += 4 + length;
    }
}

static void (*unwinder_add)(uint64_t), (*unwinder_remove)(uint64_t);

/* The unwinder's __register_frame and __deregister_frame; before any object is there. */
void linker_unwinder(void (*add)(uint64_t), void (*remove)(uint64_t))
{
    unwinder_add = add;
    unwinder_remove = remove;
}

void frames_add(struct resident *resident)
{
    resident->frames = unwinder_add ? linker_frames(resident->object, NULL) : 0;
    if (resident->frames)
        unwinder_add(resident->frames);
}

void frames_remove(const struct resident *resident)
{
    if (resident->frames)
        unwinder_remove(resident->frames);
}
