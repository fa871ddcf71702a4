/* Files, bases, and the mapping operations: the images of program and interpreter, laid out as the kernel lays them out. */
#include "stub.h"

struct statx_subset { /* struct statx of include/uapi/linux/stat.h, as far as it is read here */
    uint32_t mask, blksize;
    uint64_t attributes;
    uint32_t nlink, uid, gid;
    uint16_t mode, spare;
    uint64_t ino, size, blocks, attributes_mask;
    struct { int64_t sec; uint32_t nsec; int32_t reserved; } atime, btime, ctime, mtime;
    uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
    uint64_t rest[14];
};

/* A packed plan opens by path; what it then finds must be the file that was planned, or its offsets mean nothing. */
static int open_planned(const struct run *run, const struct plan_file *file)
{
    if (file->path >= run->header.size)
        die(run, "the plan has a path outside itself", 0);
    long fd = SYS(SYS_openat, AT_FDCWD, run->plan + file->path, O_RDONLY | O_CLOEXEC, 0, 0);
    if (failed(fd))
        die(run, "cannot open a planned file", fd);
    struct statx_subset now;
    long error = SYS(SYS_statx, fd, "", AT_EMPTY_PATH, 0x7ff, &now);
    if (failed(error))
        die(run, "statx", error);
    if (now.ino != file->inode || now.size != file->size
        || now.mtime.sec * 1000000000 + now.mtime.nsec != file->mtime_ns)
        die(run, "a file has changed since it was packed: pack it again", -ESTALE);
    return (int)fd;
}

void open_files(struct run *run)
{
    const struct plan_file *file = plan_array(run, run->header.files, sizeof *file);
    for (uint32_t i = 0; i < run->header.files.count; i++)
        run->fds[i] = file[i].fd >= 0 ? file[i].fd : open_planned(run, &file[i]);
}

/* Uniform enough for address randomisation: the limits are at most 2^48, the source has 64 bits. */
uint64_t random_below(struct run *run, uint64_t limit)
{
    if (!run->randomize || !limit)
        return 0;
    if (!run->random_left) {
        long got = SYS(SYS_getrandom, run->random, sizeof run->random, 0, 0, 0);
        if (failed(got))
            die(run, "getrandom", got);
        run->random_left = sizeof run->random / sizeof *run->random;
    }
    return run->random[--run->random_left] % limit;
}

/* Exactly there or not at all. Kernels before 4.17 take MAP_FIXED_NOREPLACE for a hint. */
static long reserve_at(uint64_t at, uint64_t size)
{
    long got = map(at, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (failed(got) || (uint64_t)got == at)
        return got;
    SYS(SYS_munmap, got, size, 0, 0, 0);
    return -EEXIST;
}

/* ELF_ET_DYN_BASE plus randomisation, aligned down to the largest p_align (exec.md B1, B3). */
static uint64_t reserve_window(struct run *run, const struct plan_base *base)
{
    long got = -ENOMEM;
    for (int attempt = 0; attempt < 8; attempt++) {
        uint64_t at = base->window + random_below(run, (uint64_t)1 << run->header.rnd_bits) * run->kernel.page;
        at &= -base->align;
        got = reserve_at(at - base->anchor + base->low, base->size);
        if (!failed(got))
            return at;
    }
    die(run, "no room for the program", got);
}

/* Anywhere in the mmap area, aligned; what is reserved too much for the alignment's sake is given back. */
static uint64_t reserve_anywhere(const struct run *run, const struct plan_base *base)
{
    uint64_t spare = base->align > run->kernel.page ? base->align : 0;
    if (base->size + spare < base->size)
        die(run, "no room for an image", -ENOMEM);
    long got = map(0, base->size + spare, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (failed(got))
        die(run, "no room for an image", got);
    uint64_t start = (uint64_t)got;
    /* `chosen` is where the first segment goes; the lowest one lies anchor - low below it. */
    uint64_t chosen = spare ? (start + base->anchor - base->low + base->align - 1) & -base->align
                            : start + base->anchor - base->low;
    uint64_t low = chosen - base->anchor + base->low;
    if (low > start)
        SYS(SYS_munmap, start, low - start, 0, 0, 0);
    if (start + spare > low)
        SYS(SYS_munmap, low + base->size, start + spare - low, 0, 0, 0);
    return chosen;
}

void choose_bases(struct run *run)
{
    const struct plan_base *base = plan_array(run, run->header.bases, sizeof *base);
    for (uint32_t i = BASE_PROGRAM; i < run->header.bases.count; i++) {
        switch (base[i].kind) {
        case BASE_KIND_FIXED:
            run->bias[i] = 0;
            break;
        case BASE_KIND_WINDOW:
            run->bias[i] = reserve_window(run, &base[i]) - base[i].anchor;
            break;
        case BASE_KIND_ANYWHERE:
            run->bias[i] = reserve_anywhere(run, &base[i]) - base[i].anchor;
            break;
        default:
            die(run, "the plan has a base of unknown kind", 0);
        }
    }
}

static void carry_out(const struct run *run, const struct plan_op *op)
{
    uint64_t at = address_of(run, op->where);
    long result = 0;
    switch (op->kind) {
    case OP_MAP_FILE:
        if (op->file >= run->header.files.count)
            die(run, "the plan maps a file that it has not", 0);
        result = map(at, op->size, op->prot, MAP_PRIVATE | MAP_FIXED, run->fds[op->file], op->file_offset);
        break;
    case OP_MAP_ANON:
        result = map(at, op->size, op->prot, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0);
        break;
    case OP_ZERO:
        memset((void *)at, 0, op->size);
        break;
    case OP_RESERVE:
        result = reserve_at(at, op->size);
        if (failed(result))
            die(run, "the address that the file asks for is taken", result);
        break;
    case OP_UNMAP:
        result = SYS(SYS_munmap, at, op->size, 0, 0, 0);
        break;
    default:
        die(run, "the plan has an operation of unknown kind", 0);
    }
    if (failed(result))
        die(run, "cannot map a segment", result);
}

/* A reservation has kept its place while the other bases were picked. It goes when the first segment comes: mapping into free
 * space is cheaper than over a mapping. */
static void release(const struct run *run, uint32_t index)
{
    const struct plan_base *base = (const struct plan_base *)plan_array(run, run->header.bases, sizeof *base) + index;
    if (base->kind == BASE_KIND_WINDOW || base->kind == BASE_KIND_ANYWHERE)
        SYS(SYS_munmap, run->bias[index] + base->low, base->size, 0, 0, 0);
}

void carry_out_ops(const struct run *run)
{
    const struct plan_op *op = plan_array(run, run->header.ops, sizeof *op);
    uint32_t released = 0;
    for (uint32_t i = 0; i < run->header.ops.count; i++) {
        uint32_t base = op[i].where.base;
        if (base < run->header.bases.count && !(released & 1u << base)) {
            released |= 1u << base;
            release(run, base);
        }
        carry_out(run, &op[i]);
    }
}
