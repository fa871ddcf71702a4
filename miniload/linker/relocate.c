/* Relocation: the formulas of the psABIs, aaelf64 and riscv-elf, with the types' numbers left to the architecture's table (arch/<name>/linking.py). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "linker.h"
#include "trouble.h"

/* The latest answers, by symbol: tables refer to one several times, most often in a row. */
enum { ANSWERS = 64 };

struct answer {
    struct found found;
    uint32_t symbol, flags;
    int state; /* 0: none; 1: found; 2: not */
};

struct work {
    struct object *object;
    const struct scope *scope;
    const struct kinds *kinds;
    binding_hook hook;
    struct outcome *out;
    struct answer answers[ANSWERS];
    struct segment *at; /* the segment of the place before */
};

static int leave(struct work *work, const Elf64_Rela *rela, uint32_t operation, uint32_t reason, uint64_t value, struct object *definer)
{
    struct outcome *out = work->out;
    if (out->pending_count == out->pending_room) {
        uint64_t room = out->pending_room ? 2 * out->pending_room : 16;
        struct pending *grown = realloc(out->pending, room * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        out->pending = grown;
        out->pending_room = room;
    }
    out->pending[out->pending_count++] = (struct pending){rela->r_offset, rela->r_addend, value, (uint32_t)ELF64_R_TYPE(rela->r_info),
                                                         (uint32_t)ELF64_R_SYM(rela->r_info), operation, reason, definer};
    return 0;
}

/* Where a relocation stores; NULL if that is not writable memory of the object. */
static uint8_t *place_of(struct work *work, uint64_t address, uint64_t size)
{
    struct segment *segment = work->at;
    if (segment && address - segment->address < segment->size && size <= segment->size - (address - segment->address) && segment->flags & PF_W)
        return work->object->memory + address;
    for (uint32_t i = 0; i < work->object->image.segment_count; i++)
        if (address - work->object->image.segments[i].address < work->object->image.segments[i].size)
            work->at = &work->object->image.segments[i];
    return image_at(work->object, address, size, PF_W);
}

static void store(uint8_t *place, uint64_t value)
{
    memcpy(place, &value, sizeof value);
}

static uint64_t load(const uint8_t *place)
{
    uint64_t value;
    memcpy(&value, place, sizeof value);
    return value;
}

static int bad_place(struct work *work, uint64_t address, uint64_t index)
{
    return fail(&work->out->trouble, FIELD_R_OFFSET, (uint32_t)index, address, EINVAL);
}

const struct version *version_wanted(const struct object *object, uint64_t symbol)
{
    if (!object->version_of || symbol >= object->versions_room)
        return NULL;
    uint64_t number = object->version_of[symbol] & 0x7FFF;
    const struct version *version = number < object->version_count ? &object->versions[number] : NULL;
    return version && version->name && number > 1 ? version : NULL;
}

/* What a symbol of the object refers to: 1 found, 0 not, -1 it is malformed. One that the object has to resolve itself is not looked for
 * elsewhere (dl-lookup.c, do-rel.h). */
int resolve_symbol(struct object *object, const struct scope *scope, uint64_t index, uint32_t flags, struct found *out)
{
    if (!object->symbols || index >= object->symbols_room)
        return -1;
    const Elf64_Sym *symbol = &object->symbols[index];
    const char *name = object_string(object, symbol->st_name);
    if (!name)
        return -1;
    unsigned visibility = ELF64_ST_VISIBILITY(symbol->st_other), bind = ELF64_ST_BIND(symbol->st_info);
    bool own = bind == STB_LOCAL || visibility == STV_HIDDEN || visibility == STV_INTERNAL || (visibility == STV_PROTECTED && symbol->st_shndx != SHN_UNDEF);
    if (!own) {
        *out = (struct found){0};
        return find_symbol(scope, name, version_wanted(object, index), flags, NULL, out);
    }
    bool fixed = symbol->st_shndx == SHN_ABS || ELF64_ST_TYPE(symbol->st_info) == STT_TLS;
    bool found = symbol->st_shndx != SHN_UNDEF || bind == STB_LOCAL;
    *out = (struct found){object, found ? symbol->st_value + (fixed ? 0 : object->bias) : 0, index, ELF64_ST_TYPE(symbol->st_info), bind, symbol->st_size};
    return found;
}

/* The same for a relocation, which is asked once for each symbol, and with the caller's hook. */
static int resolve(struct work *work, uint64_t index, uint32_t flags, struct found *out)
{
    const struct object *object = work->object;
    if (!object->symbols || index >= object->symbols_room)
        return fail(&work->out->trouble, FIELD_R_SYM, 0, index, EINVAL);
    if (!work->hook && find_own(work->scope, object, index, out)) {
        work->out->looked_up++;
        return 1;
    }
    struct answer *answer = &work->answers[index % ANSWERS];
    if (answer->state && answer->symbol == index && answer->flags == flags) {
        *out = answer->found;
        return answer->state == 1;
    }
    int found = resolve_symbol(work->object, work->scope, index, flags, out);
    if (found < 0)
        return fail(&work->out->trouble, FIELD_STRING, (uint32_t)index, object->symbols[index].st_name, EINVAL);
    if (found && out->object != object && out->object)
        out->object->touched = 1;
    work->out->looked_up++;
    if (found && out->bind == STB_GNU_UNIQUE)
        work->out->unique = 1;
    const char *name = object_string(object, object->symbols[index].st_name);
    if (work->hook && *name) {
        uint64_t address = work->hook(object, (uint32_t)index, name, found ? out->address : 0, (uint32_t)found);
        if (address != (found ? out->address : 0)) {
            *out = (struct found){.address = address, .symbol = index, .type = STT_NOTYPE, .bind = STB_GLOBAL};
            found = 1;
        }
    }
    *answer = (struct answer){*out, (uint32_t)index, flags, found ? 1 : 2};
    return found;
}

static int relocate_relr(struct work *work)
{
    struct object *object = work->object;
    const struct range *table = &object->relr;
    const uint8_t *words = object->memory + table->address;
    uint64_t where = 0;
    for (uint64_t i = 0; i < table->size / 8; i++) {
        uint64_t word = load(words + 8 * i);
        if (!(word & 1)) {
            uint8_t *place = place_of(work, word, 8);
            if (!place)
                return bad_place(work, word, i);
            store(place, load(place) + object->bias);
            where = word + 8;
            continue;
        }
        for (uint64_t bits = word >> 1, at = where; bits; bits >>= 1, at += 8) {
            if (!(bits & 1))
                continue;
            uint8_t *place = place_of(work, at, 8);
            if (!place)
                return bad_place(work, at, i);
            store(place, load(place) + object->bias);
        }
        where += 63 * 8;
    }
    work->out->applied += table->size / 8;
    return 0;
}

static int store32(struct work *work, uint8_t *place, uint64_t value, bool is_signed, uint64_t index)
{
    uint32_t word = (uint32_t)value;
    if (is_signed ? (int64_t)value != (int32_t)word : value != word)
        return fail(&work->out->trouble, FIELD_OVERFLOW, (uint32_t)index, value, EOVERFLOW);
    memcpy(place, &word, sizeof word);
    return 0;
}

static int copy(struct work *work, const Elf64_Rela *rela, uint64_t index)
{
    struct object *object = work->object;
    uint64_t symbol = ELF64_R_SYM(rela->r_info);
    struct found found = {0};
    const char *name = symbol < object->symbols_room ? object_string(object, object->symbols[symbol].st_name) : NULL;
    if (!name)
        return fail(&work->out->trouble, FIELD_R_SYM, (uint32_t)index, symbol, EINVAL);
    if (!find_symbol(work->scope, name, version_wanted(object, symbol), 0, object, &found) || !found.object)
        return leave(work, rela, OP_COPY, LEFT_UNRESOLVED, 0, NULL);
    uint64_t size = found.size < object->symbols[symbol].st_size ? found.size : object->symbols[symbol].st_size;
    uint8_t *to = place_of(work, rela->r_offset, size);
    const uint8_t *from = image_at(found.object, found.address - found.object->bias, size, PF_R);
    if (!to || !from)
        return bad_place(work, rela->r_offset, index);
    memmove(to, from, size);
    return 0;
}

/* The relocations of thread-local storage: module, offset in it, offset from the thread pointer, descriptor. Symbol 0 means the object's own block. */
static int thread_local(struct work *work, const Elf64_Rela *rela, uint32_t operation, uint8_t *place)
{
    uint64_t symbol = ELF64_R_SYM(rela->r_info);
    struct object *definer = work->object;
    uint64_t offset = (uint64_t)rela->r_addend;
    definer->traits |= operation == OP_TP_OFFSET ? USES_TP_OFFSET : operation == OP_TLSDESC ? USES_TLSDESC : 0;
    if (symbol) {
        struct found found = {0};
        int state = resolve(work, symbol, 0, &found);
        if (state < 0)
            return state;
        bool weak = ELF64_ST_BIND(work->object->symbols[symbol].st_info) == STB_WEAK;
        if (!state && !weak)
            return leave(work, rela, operation, LEFT_UNRESOLVED, 0, NULL);
        if (!state)
            return operation == OP_TLSDESC ? leave(work, rela, operation, LEFT_TLSDESC, offset, NULL) : 0;
        if (!found.object)
            return leave(work, rela, operation, LEFT_TLS, found.address, NULL);
        definer = found.object;
        offset += found.address;
    }
    if (operation == OP_OFFSET) {
        store(place, offset - (uint64_t)work->kinds->dtp_bias);
        return 0;
    }
    if (operation == OP_TLSDESC)
        return leave(work, rela, operation, LEFT_TLSDESC, offset, definer);
    if (definer->tls_state < (operation == OP_MODULE ? 1u : 2u))
        return leave(work, rela, operation, LEFT_TLS, offset, definer);
    store(place, operation == OP_MODULE ? definer->tls_module : offset + (uint64_t)definer->tls_offset);
    return 0;
}

/* Those that need a symbol's address. */
static int symbolic(struct work *work, const Elf64_Rela *rela, uint32_t operation, uint8_t *place, uint64_t index)
{
    uint64_t symbol = ELF64_R_SYM(rela->r_info), addend = (uint64_t)rela->r_addend;
    struct found found = {0};
    int state = symbol ? resolve(work, symbol, operation == OP_SLOT ? LOOKUP_SLOT : 0, &found) : 1;
    if (state < 0)
        return state;
    if (!state && ELF64_ST_BIND(work->object->symbols[symbol].st_info) != STB_WEAK)
        return leave(work, rela, operation, LEFT_UNRESOLVED, 0, NULL);
    if (state && found.type == STT_GNU_IFUNC)
        return leave(work, rela, operation, LEFT_IFUNC, found.address, found.object);
    uint64_t target = work->object->bias + rela->r_offset;
    switch (operation) {
    case OP_SYMBOL: store(place, found.address + addend); return 0;
    case OP_ADDRESS: store(place, found.address); return 0;
    case OP_SLOT: store(place, found.address + (work->kinds->slot_addend ? addend : 0)); return 0;
    case OP_ADDRESS32: return store32(work, place, found.address + addend, false, index);
    case OP_RELATIVE32: return store32(work, place, found.address + addend - target, true, index);
    case OP_SIZE32: return store32(work, place, found.size + addend, false, index);
    default: store(place, found.size + addend); return 0;
    }
}

static uint64_t width(uint32_t operation)
{
    return operation == OP_TLSDESC ? 16 : operation == OP_ADDRESS32 || operation == OP_RELATIVE32 || operation == OP_SIZE32 ? 4 : 8;
}

/* Whether a call through the slot may use registers that lazy binding does not keep (STO_AARCH64_VARIANT_PCS, STO_RISCV_VARIANT_CC): it is bound at once. */
static bool special_call(const struct work *work, const Elf64_Rela *rela)
{
    uint64_t symbol = ELF64_R_SYM(rela->r_info);
    return symbol < work->object->symbols_room && work->object->symbols[symbol].st_other & work->kinds->special_call;
}

static int relocate_one(struct work *work, const Elf64_Rela *rela, uint64_t index, bool lazy)
{
    uint64_t type = ELF64_R_TYPE(rela->r_info);
    uint32_t operation = type < TYPES ? work->kinds->operation[type] : OP_UNKNOWN;
    if (operation == OP_NONE)
        return 0;
    if (operation == OP_UNKNOWN || operation == OP_REFUSED)
        return leave(work, rela, operation, LEFT_UNKNOWN, 0, NULL);
    if (operation == OP_COPY)
        return copy(work, rela, index);
    uint8_t *place = place_of(work, rela->r_offset, width(operation));
    if (!place)
        return bad_place(work, rela->r_offset, index);
    switch (operation) {
    case OP_RELATIVE: store(place, work->object->bias + (uint64_t)rela->r_addend); return 0;
    case OP_IRELATIVE: return leave(work, rela, operation, LEFT_IFUNC, work->object->bias + (uint64_t)rela->r_addend, work->object);
    case OP_MODULE: case OP_OFFSET: case OP_TP_OFFSET: case OP_TLSDESC: return thread_local(work, rela, operation, place);
    default: break;
    }
    if (lazy && operation == OP_SLOT && !special_call(work, rela)) {
        store(place, load(place) + work->object->bias);
        return 0;
    }
    return symbolic(work, rela, operation, place, index);
}

static int relocate_table(struct work *work, const struct range *table, bool lazy)
{
    const uint8_t *entries = work->object->memory + table->address;
    uint64_t count = table->size / sizeof(Elf64_Rela), bias = work->object->bias;
    for (uint64_t i = 0; i < count; i++) {
        Elf64_Rela rela;
        memcpy(&rela, entries + i * sizeof rela, sizeof rela);
        if (rela.r_info == work->kinds->relative) { /* nearly all of most tables, in any position */
            uint8_t *place = place_of(work, rela.r_offset, 8);
            if (!place)
                return bad_place(work, rela.r_offset, i);
            store(place, bias + (uint64_t)rela.r_addend);
            continue;
        }
        int error = relocate_one(work, &rela, i, lazy);
        if (error < 0)
            return error;
    }
    work->out->applied += count;
    return 0;
}

/* Applies all relocations: RELR, then RELA, then those of the PLT, as glibc does. What cannot be done here is left in `out`: unresolved symbols, IFUNCs,
 * descriptors, types that the architecture does not have. Once only: RELR adds in place. After an error the object is only good for unmapping. */
int linker_relocate(struct object *object, const struct scope *scope, const struct kinds *kinds, uint32_t flags, binding_hook hook, struct outcome *out)
{
    struct work work = {.object = object, .scope = scope, .kinds = kinds, .hook = hook, .out = out};
    memset(out, 0, sizeof *out);
    int error = relocate_relr(&work);
    if (!error)
        error = relocate_table(&work, &object->rela, false);
    if (!error)
        error = relocate_table(&work, &object->plt, flags & RELOCATE_LAZY);
    if (!error)
        object->traits |= SEEN_THROUGH;
    return error;
}

/* Whether the object has a relocation of that kind: OP_TP_OFFSET or OP_TLSDESC. */
int linker_uses(const struct object *object, const struct kinds *kinds, uint32_t operation)
{
    if (object->traits & SEEN_THROUGH)
        return (object->traits & (operation == OP_TP_OFFSET ? USES_TP_OFFSET : USES_TLSDESC)) != 0;
    const struct range *tables[] = {&object->rela, &object->plt};
    for (size_t t = 0; t < 2; t++) {
        const uint8_t *entries = object->memory + tables[t]->address;
        for (uint64_t i = 0; i < tables[t]->size / sizeof(Elf64_Rela); i++) {
            uint64_t type = ELF64_R_TYPE(load(entries + i * sizeof(Elf64_Rela) + offsetof(Elf64_Rela, r_info)));
            if (type < TYPES && kinds->operation[type] == operation)
                return 1;
        }
    }
    return 0;
}

/* Finishes a relocation that was left: `value` is the symbol's address, what a resolver said, or what the caller makes of an unknown type (8 bytes). */
int linker_apply(struct object *object, const struct kinds *kinds, const struct pending *pending, uint64_t value)
{
    struct outcome out = {0};
    struct work work = {.object = object, .kinds = kinds, .out = &out};
    uint32_t operation = pending->operation;
    uint8_t *place = place_of(&work, pending->place, width(operation));
    if (!place)
        return -EINVAL;
    uint64_t addend = (uint64_t)pending->addend;
    switch (operation) {
    case OP_SYMBOL: store(place, value + addend); return 0;
    case OP_SLOT: store(place, value + (kinds->slot_addend ? addend : 0)); return 0;
    case OP_ADDRESS32: return store32(&work, place, value + addend, false, 0);
    case OP_RELATIVE32: return store32(&work, place, value + addend - (object->bias + pending->place), true, 0);
    default: store(place, value); return 0;
    }
}

void linker_outcome_free(struct outcome *outcome)
{
    free(outcome->pending);
    outcome->pending = NULL;
    outcome->pending_count = outcome->pending_room = 0;
}
