/* Robust mutexes of a thread whose process is killed: nobody but the host's kernel sees that death. It walks a list of the thread's then (kernel/futex/core.c,
 * exit_robust_list()), but not the guest's own, whose pointers are the guest's. So at every system call that the guest makes, the mutexes that it holds
 * in memory that others may share are listed anew for the host, in the core's own memory, which no guest can change: the kernel takes a mutex's word to be
 * at a fixed distance from its entry in the list, so entries are at that distance from the words, in a range set aside for them. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "state.h"

enum { HELD_MAX = 32, RANGE = 1 << 28, PRIORITY_INHERITANCE = 1, ENTRY_SIZE = 8, WORD_SIZE = 4 };

/* struct robust_list_head of the guest. */
struct guest_head {
    uint64_t next, offset, pending;
};

/* Words of mutexes, as addresses of the host with the bit PRIORITY_INHERITANCE; of them the last is `pending`, if there is one. */
struct held {
    uint64_t words[HELD_MAX + 1];
    int count;
    bool pending;
};

static bool fetch(struct vcpu *v, uint64_t address, void *to, size_t size)
{
    if (!reachable(v, address, size, VCPU_READ))
        return false;
    memcpy(to, v->region + address, size);
    return true;
}

static bool add(struct vcpu *v, struct held *held, uint64_t entry, uint64_t offset)
{
    uint64_t word = (entry & ~(uint64_t)PRIORITY_INHERITANCE) + offset;
    if (word % WORD_SIZE || !in_region(v, word, WORD_SIZE) || !(v->prot[word / VCPU_PAGE] & VCPU_FILE))
        return false;
    word += (uint64_t)(uintptr_t)v->region;
    for (int i = 0; i < held->count; i++)
        if (word + ENTRY_SIZE > held->words[i] && word < held->words[i] + ENTRY_SIZE)
            return false;
    held->words[held->count++] = word | (entry & PRIORITY_INHERITANCE);
    return true;
}

/* The page of the host that the range stands for: that of the first word. */
static uint64_t lowest_page(const struct held *held)
{
    uint64_t lowest = held->words[0];
    for (int i = 1; i < held->count; i++)
        if (held->words[i] < lowest)
            lowest = held->words[i];
    return lowest & -(uint64_t)VCPU_PAGE;
}

static void show(struct robust *robust, const struct held *held)
{
    uint64_t start = lowest_page(held), distance = start - (uint64_t)(uintptr_t)robust->range;
    struct robust_list *first = &robust->shown.list, *pending = NULL;
    for (int i = 0; i < held->count; i++) {
        if (held->words[i] - start > RANGE - ENTRY_SIZE)
            continue;
        struct robust_list *entry = (struct robust_list *)(uintptr_t)(held->words[i] - distance);
        if (held->pending && i == held->count - 1) {
            pending = entry;
            continue;
        }
        memcpy(robust->range + ((held->words[i] & ~(uint64_t)PRIORITY_INHERITANCE) - start), &first, sizeof first);
        first = entry;
    }
    robust->shown.futex_offset = (long)distance;
    atomic_signal_fence(memory_order_seq_cst);
    robust->shown.list_op_pending = pending;
    robust->shown.list.next = first;
}

/* At a system call: what the thread that makes it holds. */
void note_robust(struct vcpu *v, struct robust *robust)
{
    struct guest_head head;
    struct held held = {.count = 0};
    robust->shown.list.next = &robust->shown.list;
    robust->shown.list_op_pending = NULL;
    atomic_signal_fence(memory_order_seq_cst);
    if (!fetch(v, robust->head, &head, sizeof head) || (head.next == robust->head && !head.pending))
        return;
    uint64_t entry = head.next;
    for (int i = 0; i < HELD_MAX && entry && (entry & ~(uint64_t)PRIORITY_INHERITANCE) != robust->head; i++) {
        add(v, &held, entry, head.offset);
        if (!fetch(v, entry & ~(uint64_t)PRIORITY_INHERITANCE, &entry, sizeof entry))
            break;
    }
    held.pending = head.pending && add(v, &held, head.pending, head.offset);
    if (!held.count)
        return;
    if (!robust->range) {
        void *range = mmap(NULL, RANGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (range == MAP_FAILED)
            return;
        robust->range = range;
    }
    show(robust, &held);
}

/* handle_futex_death(): other processes may write the word at the same time. */
int vcpu_mark_dead(struct vcpu *v, uint64_t address, uint32_t owner)
{
    if (address % WORD_SIZE || !reachable(v, address, WORD_SIZE, VCPU_WRITE))
        return -EFAULT;
    _Atomic uint32_t *word = (_Atomic uint32_t *)(void *)(v->region + address);
    uint32_t seen = atomic_load(word);
    do
        if ((seen & FUTEX_TID_MASK) != owner)
            return 0;
    while (!atomic_compare_exchange_weak(word, &seen, (seen & FUTEX_WAITERS) | FUTEX_OWNER_DIED));
    return !!(seen & FUTEX_WAITERS);
}

/* The list of the thread that has the turn, which calls this itself, is at `head`; there is none if that is 0. */
int vcpu_robust_list(struct vcpu *v, uint64_t head)
{
    struct vcpu_task *task = v->owner;
    if (!task)
        return -EINVAL;
    struct robust *robust = &task->robust;
    if (!head && !robust->head)
        return 0;
    robust->head = head;
    robust->shown.list.next = &robust->shown.list;
    robust->shown.list_op_pending = NULL;
    return syscall(SYS_set_robust_list, head ? &robust->shown : NULL, sizeof robust->shown) ? -errno : 0;
}

/* A thread that ends has marked its mutexes by itself. */
void forget_robust(struct robust *robust)
{
    if (robust->head)
        syscall(SYS_set_robust_list, NULL, sizeof robust->shown);
    if (robust->range)
        munmap(robust->range, RANGE);
}
