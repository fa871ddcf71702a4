/* U37: at the start of every translated block the engine calls a helper that looks whether it shall stop: a fifth to a third of what a program with short blocks
 * costs. Here a load, a comparison and a jump take its place, and the helper is called if they find that somebody wants the engine's attention. What is
 * looked at is the core's own word, since all requests come from the core. */
#include <dlfcn.h>
#include <string.h>

#include "state.h"

/* Of the engine's intermediate language (tcg-opc.h, tcg-cond.h), as of 2.1.4. */
enum { OP_SET_LABEL = 1, OP_LD_I32 = 12, IS_NONE = 8, TYPE_I32 = 0 };
enum { KNOWN_VERSION = 0x02010400, VERSION_MASK = 0x7fffff00 };

void want_attention(struct vcpu *v)
{
    atomic_store(&v->attention.wanted, 1);
    api.emu_stop(v->uc);
}

/* From outside of the engine's hooks. Where one of them looks before every instruction anyway, that is left to it (step.c). */
void interrupt_run(struct vcpu *v)
{
    if (!atomic_load(&v->stepping))
        want_attention(v);
}

/* Names of variables of the intermediate language are their places in the record. */
static uintptr_t place(uint8_t *record, uintptr_t name)
{
    return (uintptr_t)record + name;
}

/* Constants made before the jump are forgotten after it, so the helper's arguments, the engine and a flag that is 0 but on MIPS, are made anew. */
static void emit_check(struct vcpu *v, const struct translator *own, uint8_t *record)
{
    const struct emitter *e = &v->attention.emit;
    uintptr_t word = e->constant(record, (int64_t)(uintptr_t)&v->attention.wanted);
    void *label = e->label(record), *value = e->temporary(record, TYPE_I32, false);
    e->op_3(record, OP_LD_I32, (uintptr_t)value, place(record, word), 0);
    e->branch(record, IS_NONE, (uintptr_t)value - (uintptr_t)record, 0, label);
    uintptr_t engine = e->constant(record, (int64_t)(uintptr_t)v->uc), flag = e->constant_short(record, 0);
    void *args[] = {(void *)place(record, engine), (void *)place(record, flag)};
    own->call(record, v->attention.check, NULL, 2, args);
    e->op_1(record, OP_SET_LABEL, (uintptr_t)label);
    void *used[] = {(void *)place(record, word), value, args[0], args[1]};
    for (size_t i = 0; i < sizeof used / sizeof *used; i++)
        e->release(record, used[i]);
}

/* In place of tcg_gen_callN(): whether that was done. Only a block's first check can be replaced: later on, the jump would lose what the block has in its variables. */
bool emit_attention(struct vcpu *v, const struct translator *own, void *record, const void *function)
{
    if (!v->attention.inlined || function != v->attention.check || !v->at_start || v->record != record)
        return false;
    v->at_start = false;
    emit_check(v, own, record);
    return true;
}

static bool is_known_version(void)
{
    unsigned (*version)(unsigned *major, unsigned *minor);
    *(void **)&version = dlsym(api.library, "uc_version");
    return version && (version(NULL, NULL) & VERSION_MASK) == KNOWN_VERSION;
}

static bool find_emitter(struct vcpu *v)
{
    static const char names[][24] = {
        "gen_new_label", "tcg_const_i64", "tcg_const_i32", "tcg_temp_new_internal", "tcg_temp_free_internal", "tcg_gen_op1", "tcg_gen_op3", "tcg_gen_brcondi_i32",
    };
    void *found[sizeof names / sizeof *names];
    _Static_assert(sizeof found == sizeof(struct emitter), "one name for each member");
    for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
        found[i] = own_function(v, names[i]);
        if (!found[i])
            return false;
    }
    memcpy(&v->attention.emit, found, sizeof found);
    v->attention.check = own_function(v, "helper_check_exit_request");
    return v->attention.check;
}

/* Before anything is translated. Where it cannot be done the engine is only slower. */
void inline_checks(struct vcpu *v)
{
    v->attention.inlined = is_known_version() && find_emitter(v) && !lead_calls(v);
}
