/* What the linker does in this very process, in few calls: the same steps as in any address space, made by the kernel directly. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ending.h"
#include "linker.h"
#include "trouble.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

enum { HEAD = 1024, POPULATED = 1 << 18, RELOCATIONS_PER_PAGE = 8 };

/* Relocation writes to most pages of a small writable segment, and to have them all copied at once is cheaper than a fault for each. */
static int file_flags(const struct step *step)
{
    bool all = step->protection & PROT_WRITE && step->size <= POPULATED;
    return MAP_PRIVATE | MAP_FIXED | (all ? MAP_POPULATE : 0);
}

static int carry_out(const struct step *steps, uint32_t count, int fd, uint64_t bias)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct step *step = &steps[i];
        void *at = (void *)(uintptr_t)(bias + step->address);
        bool bad = false;
        switch (step->kind) {
        case STEP_FILE: bad = mmap(at, step->size, (int)step->protection, file_flags(step), fd, (off_t)step->offset) == MAP_FAILED; break;
        case STEP_ZERO: bad = mmap(at, step->size, (int)step->protection, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED; break;
        case STEP_PROTECT: bad = mprotect(at, step->size, (int)step->protection) != 0; break;
        default: memset(at, 0, step->size);
        }
        if (bad)
            return -errno;
    }
    return 0;
}

/* Address space for an image, at a bias that is a multiple of its alignment. */
static int reserve(const struct image *image, uint64_t page, uint64_t hint, uint64_t *start)
{
    uint64_t size = image->high - image->low, slack = image->align > page ? image->align : 0;
    uint8_t *got = mmap((void *)(uintptr_t)hint, size + slack, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (got == MAP_FAILED)
        return -errno;
    uint64_t skip = slack ? (image->low - (uint64_t)(uintptr_t)got) & (slack - 1) : 0;
    if (skip)
        munmap(got, skip);
    if (slack - skip)
        munmap(got + skip + size, slack - skip);
    *start = (uint64_t)(uintptr_t)got + skip;
    return 0;
}

/* Maps an image from a descriptor. `start`: where, or 0, and then where it is. Nothing is left mapped after an error. */
int linker_map_here(const struct image *image, int fd, uint64_t page, uint64_t *start)
{
    struct step steps[STEPS_MAX];
    uint32_t whole = linker_maps_whole(image, page);
    uint64_t size = image->high - image->low;
    if (whole) {
        const struct segment *first = &image->segments[0];
        void *got = mmap((void *)(uintptr_t)*start, size, (int)protection_of(first->flags), MAP_PRIVATE, fd, (off_t)(first->offset & -page));
        if (got == MAP_FAILED)
            return -errno;
        *start = (uint64_t)(uintptr_t)got;
    } else {
        int error = reserve(image, page, *start, start);
        if (error)
            return error;
    }
    int error = carry_out(steps, linker_plan(image, page, whole, steps), fd, *start - image->low);
    if (error)
        munmap((void *)(uintptr_t)*start, size);
    return error;
}

static int read_image(int fd, uint64_t file_size, uint64_t page, struct image *image, struct trouble *trouble)
{
    _Alignas(8) uint8_t head[HEAD];
    ssize_t got = pread(fd, head, sizeof head, 0);
    if (got < 0)
        return -errno;
    const Elf64_Ehdr *elf = (const Elf64_Ehdr *)(const void *)head;
    if (linker_check_header(head, (uint64_t)got, file_size, trouble))
        return -EAGAIN; /* an object file, an archive, or none of ours */
    if (elf->e_phoff > (uint64_t)got || (uint64_t)got - elf->e_phoff < (uint64_t)elf->e_phnum * PHDR_SIZE)
        return -EAGAIN; /* the headers are elsewhere in the file, which is rare: by the other way */
    return linker_parse(head, head + elf->e_phoff, file_size, page, image, trouble);
}

/* The file's size, if it may be loaded; its identity is the object's. */
static int64_t look_at(int fd, struct object *object, bool (*is_there)(const struct object *))
{
    struct stat status;
    if (fstat(fd, &status))
        return -errno;
    object->device = status.st_dev;
    object->inode = status.st_ino;
    return is_there && is_there(object) ? -EEXIST : status.st_size;
}

/* linker_open_here, but files that are there already, by their identity, are left alone (-EEXIST), and those with thread-local storage (-EAGAIN). `object`
 * is zeros. */
int open_here(const char *path, uint32_t machine, uint64_t page, struct object *object, bool (*is_there)(const struct object *), struct trouble *trouble)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not keep us */
    if (fd < 0)
        return -errno;
    int64_t size = look_at(fd, object, is_there);
    int error = size < 0 ? (int)size : read_image(fd, (uint64_t)size, page, &object->image, trouble);
    if (!error && (object->image.machine != machine || (is_there && object->image.tls.size)))
        error = -EAGAIN;
    uint64_t start = 0;
    if (!error)
        error = linker_map_here(&object->image, fd, page, &start);
    close(fd);
    if (error)
        return error;
    object->bias = start - object->image.low;
    object->memory = (uint8_t *)(uintptr_t)object->bias;
    object->traits = FROM_FILE;
    error = linker_attach(object, false, trouble);
    if (error)
        linker_close_here(object);
    return error;
}

/* All of opening, reading, mapping and attaching a file. `machine`: what it has to be for. -EAGAIN: it is not of the usual kind, or needs a better
 * message, and nothing is done. */
int linker_open_here(const char *path, uint32_t machine, uint64_t page, struct object *object, struct trouble *trouble)
{
    memset(object, 0, sizeof *object);
    return open_here(path, machine, page, object, NULL, trouble);
}

/* Unmaps it, and frees what attaching took. */
int linker_close_here(struct object *object)
{
    ending_remove(object);
    linker_detach(object);
    return munmap(object->memory + object->image.low, object->image.high - object->image.low) ? -errno : 0;
}

/* PT_GNU_RELRO: read-only from now on, start and end rounded down to pages, as glibc and musl do. */
int linker_protect_here(const struct object *object, uint64_t page)
{
    const struct extent *relro = &object->image.relro;
    uint64_t start = relro->address & -page, end = (relro->address + relro->size) & -page;
    if (!relro->present || start < object->image.low || end > object->image.high || start >= end)
        return 0;
    return mprotect(object->memory + start, end - start, PROT_READ) ? -errno : 0;
}

/* Where there are many relocations they come to nearly every page of what may be written, and to have all of these copied at once is cheaper than a fault for each. */
static void prepare_pages(const struct object *object, uint64_t page)
{
    uint64_t count = (object->rela.size + object->plt.size) / sizeof(Elf64_Rela) + 32 * (object->relr.size / 8);
    for (uint32_t i = 0; i < object->image.segment_count; i++) {
        const struct segment *segment = &object->image.segments[i];
        uint64_t start = segment->address & -page, end = (segment->address + segment->file_size + page - 1) & -page;
        if (segment->flags & PF_W && end - start > POPULATED && count > (end - start) / page * RELOCATIONS_PER_PAGE)
            madvise(object->memory + start, end - start, MADV_POPULATE_WRITE); /* since Linux 5.14; without, there are faults */
    }
}

/* Relocates an object of this process and makes RELRO read-only, if nothing more than IFUNC resolvers is needed for that, which are then called with
 * `arguments`. 1: there is more to do, `out` says what. */
int linker_relocate_here(struct object *object, const struct scope *scope, const struct kinds *kinds, uint32_t flags, uint64_t page, const uint64_t arguments[3],
                         struct outcome *out)
{
    prepare_pages(object, page);
    int error = linker_relocate(object, scope, kinds, flags, NULL, out);
    if (error)
        return error;
    if (object->image.tls.size)
        return 1;
    for (uint64_t i = 0; i < out->pending_count; i++)
        if (out->pending[i].reason != LEFT_IFUNC)
            return 1;
    for (uint64_t i = 0; i < out->pending_count && !error; i++) {
        uint64_t (*resolver)(uint64_t, uint64_t, uint64_t) = (uint64_t (*)(uint64_t, uint64_t, uint64_t))(uintptr_t)out->pending[i].value;
        error = linker_apply(object, kinds, &out->pending[i], resolver(arguments[0], arguments[1], arguments[2]));
    }
    return error ? error : linker_protect_here(object, page);
}

/* The functions of an array of addresses, but for places that are left empty, called in the order given by `step`, 1 or -1. */
static void call_array(const struct object *object, const struct range *array, int step, const uint64_t arguments[3])
{
    uint64_t count = array->size / 8;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t function;
        memcpy(&function, object->memory + array->address + 8 * (step > 0 ? i : count - 1 - i), sizeof function);
        if (function && function != UINT64_MAX)
            ((void (*)(uint64_t, uint64_t, uint64_t))(uintptr_t)function)(arguments[0], arguments[1], arguments[2]);
    }
}

/* DT_INIT, then DT_INIT_ARRAY. */
void linker_initialize_here(const struct object *object, const uint64_t arguments[3])
{
    ending_add(object);
    if (object->init)
        ((void (*)(uint64_t, uint64_t, uint64_t))(uintptr_t)(object->bias + object->init))(arguments[0], arguments[1], arguments[2]);
    call_array(object, &object->init_array, 1, arguments);
}

/* DT_FINI_ARRAY backwards, then DT_FINI. */
void call_finalisers(const struct object *object)
{
    static const uint64_t none[3];
    call_array(object, &object->fini_array, -1, none);
    if (object->fini)
        ((void (*)(void))(uintptr_t)(object->bias + object->fini))();
}

void linker_finalize_here(const struct object *object)
{
    ending_remove(object);
    call_finalisers(object);
}

static int note_counters(struct dl_phdr_info *info, size_t size, void *user)
{
    (void)size;
    *(uint64_t *)user = info->dlpi_adds + (info->dlpi_subs << 32);
    return 1;
}

static uint64_t mix(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * 0x9E3779B97F4A7C15;
    return sum ^ sum >> 29;
}

static int mix_object(struct dl_phdr_info *info, size_t size, void *user)
{
    uint64_t sum = mix(mix(*(uint64_t *)user, info->dlpi_addr), (uint64_t)(uintptr_t)info->dlpi_phdr);
    (void)size;
    sum = mix(mix(sum, info->dlpi_phnum), info->dlpi_tls_modid);
    for (const char *c = info->dlpi_name; c && *c; c++)
        sum = mix(sum, (unsigned char)*c);
    for (uint32_t i = 0; i < info->dlpi_phnum; i++) {
        const Elf64_Phdr *header = &info->dlpi_phdr[i];
        const Elf64_Dyn *entry = (const Elf64_Dyn *)(uintptr_t)(info->dlpi_addr + header->p_vaddr);
        for (uint64_t e = 0; header->p_type == PT_DYNAMIC && e < header->p_memsz / sizeof *entry && entry[e].d_tag != DT_NULL; e++)
            sum = mix(mix(sum, (uint64_t)entry[e].d_tag), entry[e].d_un.d_val);
    }
    *(uint64_t *)user = sum;
    return 0;
}

struct listing {
    struct seen *out;
    uint32_t room, count;
    uint64_t counters;
};

static int note_seen(struct dl_phdr_info *info, size_t size, void *user)
{
    struct listing *listing = user;
    listing->counters = info->dlpi_adds + (info->dlpi_subs << 32);
    if (listing->count < listing->room) {
        struct seen *seen = &listing->out[listing->count];
        *seen = (struct seen){info->dlpi_addr, (uint64_t)(uintptr_t)info->dlpi_phdr, info->dlpi_phnum, info->dlpi_tls_modid, 0, {0}};
        mix_object(info, size, &seen->signature);
        strncpy(seen->name, info->dlpi_name ? info->dlpi_name : "", sizeof seen->name - 1);
    }
    listing->count++;
    return 0;
}

/* What ld.so has loaded, in its order: how many objects there are, of which at most `room` are told. By dl_iterate_phdr, but without a callback into Python:
 * that would wait for the interpreter's lock with ld.so's held, while another thread waits for ld.so's with the interpreter's held. */
uint32_t linker_list(struct seen *out, uint32_t room, uint64_t *counters)
{
    struct listing listing = {out, room, 0, 0};
    dl_iterate_phdr(note_seen, &listing);
    *counters = listing.counters;
    return listing.count;
}

/* What is the same as long as the objects that ld.so has loaded are, whatever it has loaded and unloaded in between: of their names, places and dynamic sections. */
uint64_t linker_signature(void)
{
    uint64_t sum = 0;
    dl_iterate_phdr(mix_object, &sum);
    return sum;
}

/* A number that changes whenever ld.so loads or unloads something. */
uint64_t linker_counters(void)
{
    uint64_t counters = 0;
    dl_iterate_phdr(note_counters, &counters);
    return counters;
}
