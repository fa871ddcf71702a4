/* Calling a guest's function and coming back, in one step: registers, the stack, a run, and what it returned. */
#include <errno.h>
#include <string.h>

#include "state.h"

/* Arguments are in place; runs until the trap is fetched from, which nothing lets it. 1 if it was, 0 if something else needs the caller. */
static int run_to(struct vcpu *v, uint64_t trap, struct vcpu_exit *exit)
{
    int error = vcpu_run(v, exit);
    if (error)
        return error;
    return exit->reason == VCPU_EXIT_FAULT && exit->pc == trap && exit->access & VCPU_EXEC;
}

/* What goes on the stack. In one page that the guest may write, and that is there for certain, since it is no file's, without asking the host kernel. */
static int store(struct vcpu *v, uint64_t address, const void *from, uint64_t size)
{
    uint64_t page = address / VCPU_PAGE;
    if (!in_region(v, address, size) || (address + size - 1) / VCPU_PAGE != page || (v->prot[page] & (VCPU_WRITE | VCPU_FILE)) != VCPU_WRITE)
        return vcpu_copy_out(v, address, from, size);
    memcpy(v->region + address, from, size);
    return 0;
}

int vcpu_call(struct vcpu *v, const struct vcpu_call *call, uint64_t *results, struct vcpu_exit *exit)
{
    if (call->stack_size && store(v, call->stack_address, call->stack, call->stack_size))
        return -EFAULT;
    int error = vcpu_write_wide_registers(v, call->ids, call->values, call->count);
    if (error)
        return error;
    int returned = run_to(v, call->trap, exit);
    if (returned > 0 && vcpu_read_wide_registers(v, call->result_ids, results, call->result_count))
        return -EINVAL;
    return returned;
}
