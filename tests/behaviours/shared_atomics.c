/* Atomic operations of every size and kind, of three processes at once on memory that they share: inherited, of a file, of System V. None is lost. */
#include <sys/shm.h>

#include "behaviour.h"

enum { PROCESSES = 3, TIMES = 50000 };

struct counters {
    uint8_t byte;
    uint16_t half;
    uint32_t word, lock, guarded, taken, waiting;
    uint64_t giant, exchanged, compared, set, flipped, greatest;
};

static void work(struct counters *c, uint32_t number)
{
    /* All at once, or each would be done before the next begins. */
    for (__atomic_sub_fetch(&c->waiting, 1, __ATOMIC_SEQ_CST); __atomic_load_n(&c->waiting, __ATOMIC_SEQ_CST);)
        sched_yield();
    for (uint32_t i = 0; i < TIMES; i++) {
        __atomic_fetch_add(&c->byte, 1, __ATOMIC_SEQ_CST);
        __atomic_fetch_add(&c->half, 3, __ATOMIC_RELAXED);
        __atomic_sub_fetch(&c->word, 5, __ATOMIC_ACQ_REL);
        __atomic_add_fetch(&c->giant, 1ull << 33, __ATOMIC_RELEASE);
        uint64_t seen = __atomic_load_n(&c->compared, __ATOMIC_RELAXED);
        while (!__atomic_compare_exchange_n(&c->compared, &seen, seen + 7, i & 1, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
            ;
        __atomic_fetch_or(&c->set, 1ull << (number * 16 + i % 16), __ATOMIC_SEQ_CST);
        __atomic_fetch_xor(&c->flipped, 1ull << (i % 60), __ATOMIC_SEQ_CST);
        /* Whoever takes a value out puts a greater one in: the sum stays. */
        uint64_t out = __atomic_exchange_n(&c->exchanged, 0, __ATOMIC_SEQ_CST);
        __atomic_fetch_add(&c->exchanged, out + 1, __ATOMIC_SEQ_CST);
        for (uint64_t most = __atomic_load_n(&c->greatest, __ATOMIC_RELAXED); most < i + number;)
            if (__atomic_compare_exchange_n(&c->greatest, &most, i + number, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
                break;
        if (!__atomic_exchange_n(&c->lock, 1, __ATOMIC_ACQUIRE)) {
            c->guarded++;
            c->taken++;
            __atomic_store_n(&c->lock, 0, __ATOMIC_RELEASE);
        }
    }
}

static void run(const char *name, struct counters *c)
{
    pid_t children[PROCESSES];
    NEED(c != MAP_FAILED);
    c->waiting = PROCESSES;
    for (uint32_t i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        NEED(children[i] >= 0);
        if (!children[i]) {
            work(c, i);
            _exit(0);
        }
    }
    for (int i = 0; i < PROCESSES; i++)
        NEED(!strcmp(wait_text(children[i]), "exit 0"));
    say("%s: %u %u %u %llx", name, c->byte, c->half, c->word, (unsigned long long)c->giant);
    say("%llu %llx %llx %llu %llu, guarded %d", (unsigned long long)c->compared, (unsigned long long)c->set, (unsigned long long)c->flipped,
        (unsigned long long)c->exchanged, (unsigned long long)c->greatest, c->guarded == c->taken);
}

int main(void)
{
    run("inherited", mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    int fd = open("file", O_RDWR | O_CREAT, 0600);
    NEED(fd >= 0 && ftruncate(fd, 4096) == 0);
    void *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    NEED(mprotect(map, 4096, PROT_READ | PROT_WRITE) == 0);
    run("a file", map);
    int segment = shmget(IPC_PRIVATE, 4096, 0600);
    NEED(segment >= 0);
    run("System V", shmat(segment, NULL, 0));
    NEED(shmctl(segment, IPC_RMID, NULL) == 0);
    return 0;
}
