/* U9: atomic instructions that are atomic to other processes too. The engine translates for one CPU, so that it makes a load and a store of them; its translator can
 * do otherwise, if the flags that a block is translated with say CF_PARALLEL, but nothing in its interface or its record sets that (curr_cflags() of
 * 2.1.4 is always 0). So its call of the translator is led through here (led.c). */
#include <errno.h>

#include "state.h"

#define CF_PARALLEL 0x00080000u
#define NO_CLUSTER 0xff000000u /* what the engine's flags are otherwise */

enum { SEARCHED = 256 };

/* The begin of struct TranslationBlock. */
struct block {
    uint64_t pc, base;
    uint32_t flags;
    uint16_t size, instructions;
    uint32_t translation_flags;
};

/* Where the translator's record has the flags: the one place near its begin that has the block's. */
static uint32_t *find_flags(uint8_t *record, uint32_t flags)
{
    uint32_t *found = NULL, *words = (uint32_t *)(void *)record;
    for (size_t i = 0; i < SEARCHED / sizeof *words; i++)
        if (words[i] == flags) {
            if (found)
                return NULL;
            found = &words[i];
        }
    return found;
}

/* gen_intermediate_code(): with other flags, of which nobody knows before or after, since blocks are looked for by them. */
void translate_shared(struct vcpu *v, const struct translator *own, void *cpu, void *block, int most)
{
    uint32_t *flags = &((struct block *)block)->translation_flags, *copy = NULL;
    if (v->atomics.wanted && v->record && (*flags & NO_CLUSTER) == NO_CLUSTER)
        copy = find_flags(v->record, *flags);
    if (!copy) {
        own->translate(cpu, block, most);
        return;
    }
    uint32_t before = *flags;
    *flags = *copy = before | CF_PARALLEL;
    own->translate(cpu, block, most);
    *flags = *copy = before;
    v->atomics.applied = true;
}

/* From now on, or no longer. -ENOSYS if it cannot be done. */
int vcpu_share_memory(struct vcpu *v, int on)
{
    if (v->atomics.wanted == !!on)
        return 0;
    int error = lead_translation(v);
    if (error)
        return error;
    v->atomics.mended = mend_engine(v) == 0;
    v->atomics.wanted = !!on;
    return api.ctl(v->uc, UC_CTL_WRITE_0(UC_CTL_TB_FLUSH)) ? -EIO : 0;
}

/* Whether code has been translated so, and all helpers for it are atomic. */
int vcpu_shares_memory(const struct vcpu *v)
{
    return v->atomics.applied && v->atomics.mended;
}
