/* U36: instructions that trap in the engine, since it does nothing where something is to be done: AArch64's cache maintenance from user mode. They are executed
 * here, without the caller. */
#include <string.h>

#include "state.h"

/* Forgets the translations of the line that `address` is in. What the guest has not mapped has none. */
static void invalidate_line(struct vcpu *v, uint64_t address, uint64_t size)
{
    uint64_t start = address & v->arch.data_address & -size;
    if (in_region(v, start, size) && v->prot[start / VCPU_PAGE] & VCPU_EXEC)
        api.ctl(v->uc, UC_CTL_WRITE_2(UC_CTL_TB_REMOVE_CACHE), start, start + size);
}

static void execute(struct vcpu *v, const struct vcpu_trap *trap, int32_t reg)
{
    uint64_t value = trap->value;
    if (trap->action == VCPU_TRAP_GIVE && reg >= 0) {
        api.reg_write(v->uc, reg, &value);
    } else if (trap->action == VCPU_TRAP_INVALIDATE) {
        value = 0;
        if (reg >= 0)
            api.reg_read(v->uc, reg, &value);
        invalidate_line(v, value, trap->value);
    }
}

/* After a run: whether it has ended at such an instruction, at pc, which has been executed then. */
bool serve_trap(struct vcpu *v, uint64_t pc)
{
    uint32_t instruction;
    if (v->exit.reason != VCPU_EXIT_INTERRUPT || v->exit.number != v->arch.trap_interrupt || pc % sizeof instruction
        || !in_region(v, pc, sizeof instruction) || !(v->prot[pc / VCPU_PAGE] & VCPU_READ))
        return false;
    memcpy(&instruction, v->region + pc, sizeof instruction);
    for (int i = 0; i < VCPU_TRAPS_MAX; i++) {
        const struct vcpu_trap *trap = &v->arch.traps[i];
        if (!trap->action || (instruction & ~(uint32_t)VCPU_TRAP_REGISTER) != trap->instruction)
            continue;
        uint64_t next = pc + sizeof instruction;
        execute(v, trap, v->arch.general[instruction & VCPU_TRAP_REGISTER]);
        api.reg_write(v->uc, v->arch.pc, &next);
        return true;
    }
    return false;
}
