/* Registers: by number, in bulk, and all of them as a context. */
#include <errno.h>
#include <string.h>

#include "state.h"

int vcpu_read_registers(struct vcpu *v, const int32_t *ids, uint64_t *values, uint32_t count)
{
    void *places[VCPU_REGISTERS_MAX];
    if (count > VCPU_REGISTERS_MAX)
        return -EINVAL;
    for (uint32_t i = 0; i < count; i++) {
        values[i] = 0; /* narrower registers fill only a part */
        places[i] = &values[i];
    }
    return api.reg_read_batch(v->uc, ids, places, (int)count) ? -EINVAL : 0;
}

int vcpu_write_registers(struct vcpu *v, const int32_t *ids, const uint64_t *values, uint32_t count)
{
    const void *places[VCPU_REGISTERS_MAX];
    if (count > VCPU_REGISTERS_MAX)
        return -EINVAL;
    for (uint32_t i = 0; i < count; i++)
        places[i] = &values[i];
    return api.reg_write_batch(v->uc, ids, (void *const *)places, (int)count) ? -EINVAL : 0;
}

/* Of at most 128 bits: two words each. */
int vcpu_read_wide_registers(struct vcpu *v, const int32_t *ids, uint64_t *values, uint32_t count)
{
    void *places[VCPU_REGISTERS_MAX];
    if (count > VCPU_REGISTERS_MAX)
        return -EINVAL;
    memset(values, 0, count * 2 * sizeof *values);
    for (uint32_t i = 0; i < count; i++)
        places[i] = &values[2 * i];
    return api.reg_read_batch(v->uc, ids, places, (int)count) ? -EINVAL : 0;
}

int vcpu_write_wide_registers(struct vcpu *v, const int32_t *ids, const uint64_t *values, uint32_t count)
{
    const void *places[VCPU_REGISTERS_MAX];
    if (count > VCPU_REGISTERS_MAX)
        return -EINVAL;
    for (uint32_t i = 0; i < count; i++)
        places[i] = &values[2 * i];
    return api.reg_write_batch(v->uc, ids, (void *const *)places, (int)count) ? -EINVAL : 0;
}

int vcpu_read_register_bytes(struct vcpu *v, int32_t id, void *value)
{
    return api.reg_read(v->uc, id, value) ? -EINVAL : 0;
}

int vcpu_write_register_bytes(struct vcpu *v, int32_t id, const void *value)
{
    return api.reg_write(v->uc, id, value) ? -EINVAL : 0;
}

/* Saves into *context, which is made if it is NULL. */
int vcpu_save(struct vcpu *v, void **context)
{
    if (!*context && api.context_alloc(v->uc, context))
        return -ENOMEM;
    return api.context_save(v->uc, *context) ? -EIO : 0;
}

int vcpu_restore(struct vcpu *v, void *context)
{
    return api.context_restore(v->uc, context) ? -EIO : 0;
}

void vcpu_free_context(void *context)
{
    if (context)
        api.context_free(context);
}
