/* Calls of the engine's own functions that are led through the core. Its interface leaves some things to be wished for (atomic.c, attention.c) that its translator
 * could do; calls between its functions go through slots that the dynamic linker fills, and a slot is memory. Where things are not as in 2.1.4, that is noticed
 * and nothing is changed. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "state.h"

enum { NAME_MAX_SIZE = 48, LED_MAX = 4 };

/* Each architecture has its own copy of the engine's functions, and so its own place here; who else uses the library in this process comes here, too. */
static struct led {
    char suffix[sizeof((struct vcpu_arch *)0)->engine_suffix];
    struct translator own;
} places[LED_MAX];

static _Thread_local struct vcpu *entered;

/* The engine runs, or translates. */
int start_engine(struct vcpu *v, uint64_t pc)
{
    entered = v;
    int error = api.emu_start(v->uc, pc, 0, 0, 0); /* U8, U12, U13: no end, no timeout, no count */
    entered = NULL;
    return error;
}

void *own_function(const struct vcpu *v, const char *name)
{
    char full[NAME_MAX_SIZE];
    snprintf(full, sizeof full, "%s_%s", name, v->arch.engine_suffix);
    return v->arch.engine_suffix[0] ? dlsym(api.library, full) : NULL;
}

/* The slot through which the object calls the function of its own at that address, NULL if there is none. */
static uintptr_t *find_slot(const struct link_map *object, uintptr_t function)
{
    const uint64_t value = function - object->l_addr;
    const ElfW(Rela) *relocations = NULL;
    const ElfW(Sym) *symbols = NULL;
    size_t size = 0;
    for (const ElfW(Dyn) *entry = object->l_ld; entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_JMPREL)
            relocations = (const void *)entry->d_un.d_ptr;
        else if (entry->d_tag == DT_PLTRELSZ)
            size = entry->d_un.d_val;
        else if (entry->d_tag == DT_SYMTAB)
            symbols = (const void *)entry->d_un.d_ptr;
        else if (entry->d_tag == DT_BIND_NOW || (entry->d_tag == DT_FLAGS && entry->d_un.d_val & DF_BIND_NOW))
            return NULL; /* the slots may be read-only */
    }
    if (!relocations || !symbols)
        return NULL;
    for (size_t i = 0; i < size / sizeof *relocations; i++)
        if (symbols[ELF64_R_SYM(relocations[i].r_info)].st_value == value)
            return (uintptr_t *)(object->l_addr + relocations[i].r_offset);
    return NULL;
}

static int lead_here(void *original, uintptr_t function)
{
    struct link_map *object = NULL;
    uintptr_t *slot = original && !dlinfo(api.library, RTLD_DI_LINKMAP, &object) ? find_slot(object, (uintptr_t)original) : NULL;
    if (!slot)
        return -ENOSYS;
    *slot = function;
    return 0;
}

/* tcg_func_start(): the translator's record is in use from here on, and empty. */
static void begin(const struct translator *own, void *record)
{
    if (entered) {
        entered->record = record;
        entered->at_start = true;
    }
    own->begin(record);
}

static void translate(const struct translator *own, void *cpu, void *block, int most)
{
    if (entered)
        translate_shared(entered, own, cpu, block, most);
    else
        own->translate(cpu, block, most);
}

static void emit_call(const struct translator *own, void *record, void *function, void *result, int count, void **args)
{
    if (!entered || !emit_attention(entered, own, record, function))
        own->call(record, function, result, count, args);
}

/* A function for each place, since the engine says nothing of the architecture. */
#define PLACE(n) \
    static void begin_##n(void *record) { begin(&places[n].own, record); } \
    static void translate_##n(void *cpu, void *block, int most) { translate(&places[n].own, cpu, block, most); } \
    static void call_##n(void *record, void *function, void *result, int count, void **args) \
    { \
        emit_call(&places[n].own, record, function, result, count, args); \
    }
PLACE(0)
PLACE(1)
PLACE(2)
PLACE(3)

static const struct translator led_to[LED_MAX] = {
    {begin_0, translate_0, call_0}, {begin_1, translate_1, call_1}, {begin_2, translate_2, call_2}, {begin_3, translate_3, call_3},
};

/* The architecture's place, found or taken. NULL if there is none, or the engine is not as expected. */
static const struct led *place_of(const struct vcpu *v)
{
    for (int i = 0; i < LED_MAX; i++) {
        struct led *place = &places[i];
        if (!strcmp(place->suffix, v->arch.engine_suffix))
            return place;
        if (place->suffix[0])
            continue;
        *(void **)&place->own.begin = own_function(v, "tcg_func_start");
        *(void **)&place->own.translate = own_function(v, "gen_intermediate_code");
        *(void **)&place->own.call = own_function(v, "tcg_gen_callN");
        if (!place->own.begin || !place->own.translate || !place->own.call)
            return NULL;
        memcpy(place->suffix, v->arch.engine_suffix, sizeof place->suffix);
        return place;
    }
    return NULL;
}

/* `what`: where in a struct translator the function is. */
static int lead(const struct vcpu *v, size_t what)
{
    static atomic_flag busy = ATOMIC_FLAG_INIT;
    void *original, *function;
    while (atomic_flag_test_and_set(&busy))
        sched_yield();
    const struct led *place = v->arch.engine_suffix[0] ? place_of(v) : NULL;
    atomic_flag_clear(&busy);
    if (!place)
        return -ENOSYS;
    memcpy(&original, (const char *)&place->own + what, sizeof original);
    memcpy(&function, (const char *)&led_to[place - places] + what, sizeof function);
    return lead_here(original, (uintptr_t)function);
}

int lead_translation(const struct vcpu *v)
{
    int error = lead(v, offsetof(struct translator, begin));
    return error ? error : lead(v, offsetof(struct translator, translate));
}

int lead_calls(const struct vcpu *v)
{
    int error = lead(v, offsetof(struct translator, begin));
    return error ? error : lead(v, offsetof(struct translator, call));
}
