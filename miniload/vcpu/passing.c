/* System calls that the core makes on the host by itself, as the table says. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"

/* The guest's iovec array with the host's addresses. 0 or -errno. */
static long translate_iovec(struct vcpu *v, uint64_t address, uint64_t count, struct iovec *out)
{
    if ((int32_t)count < 0 || count > VCPU_IOVEC_MAX)
        return -EINVAL;
    if (vcpu_copy_in(v, address, out, count * sizeof *out))
        return -EFAULT;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t base = (uint64_t)(uintptr_t)out[i].iov_base;
        if ((int64_t)out[i].iov_len < 0)
            return -EINVAL;
        if (!in_region(v, base, out[i].iov_len))
            return -EFAULT;
        out[i].iov_base = v->region + base;
    }
    return 0;
}

/* Whether the command of this futex(2) is one of those of that argument. */
static bool has_command(const struct vcpu_syscall *row, int i, const uint64_t *args)
{
    uint64_t command = args[1] & 127;
    return command < 16 && row->sizes[i] >> command & 1;
}

static bool may_wait(const struct vcpu_syscall *row, const uint64_t *args)
{
    if (!(row->flags & VCPU_BLOCKS))
        return false;
    for (int i = 0; i < VCPU_ARGS; i++)
        if (row->kinds[i] == VCPU_ARG_FUTEX)
            return has_command(row, i, args);
    return true;
}

/* struct epoll_event has no padding on x86-64, and some everywhere else: its data is at the end. */
static long translate_event(struct vcpu *v, uint64_t address, size_t size, struct epoll_event *out)
{
    uint8_t bytes[VCPU_EVENT_PADDED];
    if (reachable(v, address, size, VCPU_READ))
        memcpy(bytes, v->region + address, size);
    else if (vcpu_copy_in(v, address, bytes, size))
        return -EFAULT;
    memcpy(&out->events, bytes, sizeof out->events);
    memcpy(&out->data.u64, bytes + size - sizeof out->data.u64, sizeof out->data.u64);
    return 0;
}

static int store_event(struct vcpu *v, uint64_t address, size_t size, const struct epoll_event *event)
{
    uint8_t bytes[VCPU_EVENT_PADDED] = {0};
    memcpy(bytes, &event->events, sizeof event->events);
    memcpy(bytes + size - sizeof event->data.u64, &event->data.u64, sizeof event->data.u64);
    if (!reachable(v, address, size, VCPU_WRITE))
        return vcpu_copy_out(v, address, bytes, size);
    memcpy(v->region + address, bytes, size);
    return 0;
}

/* What the host has stored for the guest, in the guest's layout. The call's result; as ep_send_events() has it, the number of those that could be stored,
 * or -EFAULT if that is none. */
int64_t store_passed(struct vcpu *v, const struct call *call, int64_t result)
{
    for (int64_t done = 0; call->event_size && done < result; done++)
        if (store_event(v, call->events + call->event_size * (uint64_t)done, call->event_size, &call->event[done]))
            return done ? done : -EFAULT;
    return result;
}

/* The array that the host fills instead of the guest's. 0 or -errno. */
static long translate_events(struct vcpu *v, const struct vcpu_syscall *row, int i, const uint64_t *args, struct call *call)
{
    int32_t count = (int32_t)args[row->sizes[i] & 255];
    call->args[i] = (long)call->event;
    call->events = args[i];
    call->event_size = row->sizes[i] >> 8;
    if (count <= 0 || count > INT32_MAX / call->event_size)
        return -EINVAL;
    return in_region(v, args[i], (uint64_t)count * call->event_size) ? 0 : -EFAULT;
}

/* The host gives no more of them than there is room for: fewer than asked for is no error. */
static void limit_events(const struct vcpu_syscall *row, struct call *call)
{
    for (int i = 0; i < VCPU_ARGS; i++)
        if (row->kinds[i] == VCPU_ARG_EVENTS) {
            long *count = &call->args[row->sizes[i] & 255];
            if (*count > VCPU_IOVEC_MAX)
                *count = VCPU_IOVEC_MAX;
        }
}

/* Translates one argument; false with *error set if it cannot be passed on. */
static bool translate(struct vcpu *v, const struct vcpu_syscall *row, int i, const uint64_t *args, struct call *call, long *error)
{
    long *out = &call->args[i];
    uint64_t value = args[i], size;
    switch (row->kinds[i]) {
    case VCPU_ARG_VALUE:
        *out = (long)value;
        return true;
    case VCPU_ARG_FD:
        *out = (int32_t)value;
        *error = -EBADF;
        return *out < v->fd_low || *out > v->fd_high;
    case VCPU_ARG_INT:
        *out = (int32_t)value;
        return true;
    case VCPU_ARG_IOVEC:
        *out = (long)call->iovec;
        *error = translate_iovec(v, value, (uint32_t)args[row->sizes[i]], call->iovec);
        return !*error;
    case VCPU_ARG_EVENT:
        *out = value ? (long)call->event : 0;
        *error = value ? translate_event(v, value, row->sizes[i], call->event) : 0;
        return !*error;
    case VCPU_ARG_EVENTS:
        *error = translate_events(v, row, i, args, call);
        return !*error;
    case VCPU_ARG_FUTEX:
        if (!has_command(row, i, args) || !value) {
            *out = (long)value;
            return true;
        }
        *out = (long)((uintptr_t)v->region + value);
        *error = -EFAULT;
        return in_region(v, value, 16);
    case VCPU_ARG_POINTER:
    case VCPU_ARG_BUFFER:
    case VCPU_ARG_STRING:
    case VCPU_ARG_ARRAY:
        size = row->kinds[i] == VCPU_ARG_POINTER ? row->sizes[i] : row->kinds[i] == VCPU_ARG_BUFFER ? args[row->sizes[i]] : 1;
        if (row->kinds[i] == VCPU_ARG_ARRAY)
            size = (uint64_t)(uint32_t)args[row->sizes[i] & 255] * (row->sizes[i] >> 8);
        *out = value ? (long)((uintptr_t)v->region + value) : 0;
        *error = -EFAULT;
        return !value || in_region(v, value, size);
    default:
        *out = 0;
        return true;
    }
}

/* The system call on the host, with pointers into the region, if the table says that it is that simple. A pointer to pages
 * that the guest has not mapped is the host kernel's to find out: the region is PROT_NONE there. */
enum passed pass_through(struct vcpu *v, uint64_t number, const uint64_t *args, int64_t *result)
{
    if (number >= v->table_count || v->table[number].host_number < 0)
        return NOT_PASSED;
    const struct vcpu_syscall *row = &v->table[number];
    struct call *call = v->owner ? &v->owner->call : &v->call;
    long error = 0;
    call->number = row->host_number;
    call->event_size = 0;
    for (int i = 0; i < VCPU_ARGS; i++)
        if (!translate(v, row, i, args, call, &error)) {
            *result = error;
            return PASSED;
        }
    limit_events(row, call);
    v->counts.syscalls_passed++;
    if (may_wait(row, args) && atomic_load_explicit(&v->tasks, memory_order_relaxed) > 1)
        return WAITS;
    *result = store_passed(v, call, host_call(call->number, call->args));
    return PASSED;
}

static bool is_sound(const struct vcpu_syscall *row)
{
    for (int k = 0; k < VCPU_ARGS; k++) {
        uint16_t size = row->sizes[k];
        if ((row->kinds[k] == VCPU_ARG_BUFFER || row->kinds[k] == VCPU_ARG_IOVEC) && size >= VCPU_ARGS)
            return false;
        if ((row->kinds[k] == VCPU_ARG_ARRAY || row->kinds[k] == VCPU_ARG_EVENTS) && (size & 255) >= VCPU_ARGS)
            return false;
        uint16_t event = row->kinds[k] == VCPU_ARG_EVENTS ? size >> 8 : row->kinds[k] == VCPU_ARG_EVENT ? size : VCPU_EVENT_PADDED;
        if (event != VCPU_EVENT_PACKED && event != VCPU_EVENT_PADDED)
            return false;
    }
    return true;
}

/* One row more, or another in its place. */
int vcpu_set_syscall(struct vcpu *v, uint32_t number, const struct vcpu_syscall *row)
{
    if (number >= VCPU_SYSCALLS_MAX || !is_sound(row))
        return -EINVAL;
    if (number >= v->table_count) {
        uint32_t count = number < 512 ? 512 : VCPU_SYSCALLS_MAX;
        struct vcpu_syscall *table = realloc(v->table, count * sizeof *table);
        if (!table)
            return -ENOMEM;
        for (uint32_t i = v->table_count; i < count; i++)
            table[i] = (struct vcpu_syscall){.host_number = -1};
        v->table = table;
        v->table_count = count;
    }
    v->table[number] = *row;
    return 0;
}

int vcpu_set_syscalls(struct vcpu *v, const struct vcpu_syscall *table, uint32_t count)
{
    if (count > VCPU_SYSCALLS_MAX)
        return -EINVAL;
    for (uint32_t i = 0; i < count; i++)
        if (!is_sound(&table[i]))
            return -EINVAL;
    struct vcpu_syscall *copy = malloc(count ? count * sizeof *copy : 1);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, table, count * sizeof *copy);
    free(v->table);
    v->table = copy;
    v->table_count = count;
    return 0;
}

int vcpu_reserve_fds(struct vcpu *v, int32_t low, int32_t high)
{
    v->fd_low = low;
    v->fd_high = high;
    return 0;
}
