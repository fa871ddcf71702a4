/* The guest's threads, each on a host thread of its own: whose registers the engine has, and who runs next. */
#include <errno.h>
#include <stdlib.h>

#include "state.h"

static void kick(void *user)
{
    struct vcpu *v = user;
    atomic_store(&v->yield, 1);
    interrupt_run(v);
}

/* Makes the engine's registers the task's. */
static int own(struct vcpu *v, struct vcpu_task *task)
{
    struct vcpu_task *before = v->owner;
    if (before == task)
        return 0;
    int error = before ? vcpu_save(v, &before->context) : 0;
    if (before)
        before->stopped_at = v->stopped_at;
    v->stopped_at = task->stopped_at;
    if (!error && task->context)
        error = vcpu_restore(v, task->context);
    v->owner = task;
    return error;
}

int vcpu_task_create(struct vcpu *v, struct vcpu_task **out)
{
    struct vcpu_task *task = calloc(1, sizeof *task);
    if (!task)
        return -ENOMEM;
    task->stopped_at = NOWHERE;
    int error = vcpu_save(v, &task->context);
    if (error) {
        free(task);
        return error;
    }
    atomic_fetch_add(&v->tasks, 1);
    *out = task;
    return 0;
}

void vcpu_task_destroy(struct vcpu *v, struct vcpu_task *task)
{
    if (v->owner == task)
        v->owner = NULL;
    atomic_fetch_sub(&v->tasks, 1);
    forget_robust(&task->robust);
    vcpu_free_context(task->context);
    free(task);
}

int vcpu_take_turn(struct vcpu *v, struct vcpu_task *task)
{
    turn_take(&v->turn, false, kick, v);
    return own(v, task);
}

int vcpu_give_turn(struct vcpu *v, struct vcpu_task *task)
{
    (void)task;
    turn_give(&v->turn);
    return 0;
}

int vcpu_forked(struct vcpu *v, struct vcpu_task *task)
{
    turn_forked(&v->turn);
    atomic_store(&v->tasks, 1);
    atomic_store(&v->yield, 0);
    return own(v, task);
}

long vcpu_blocking_call(struct vcpu *v, long number, const long args[6])
{
    struct vcpu_task *task = v->owner;
    if (!task || atomic_load(&v->tasks) < 2)
        return host_call(number, args);
    turn_give(&v->turn);
    long result = spin(v, number, args) ? -EAGAIN : host_call(number, args);
    turn_take(&v->turn, false, kick, v);
    own(v, task);
    return result;
}

/* Somebody's slice begins: ours is over. */
void yield_turn(struct vcpu *v)
{
    struct vcpu_task *task = v->owner;
    atomic_store(&v->yield, 0);
    if (!task || !atomic_load(&v->turn.waiting))
        return;
    turn_give(&v->turn);
    turn_take(&v->turn, true, kick, v); /* the others have a whole slice now */
    own(v, task);
}
