/* Copies between the guest's memory and the caller's, by the host kernel: a page that is not there, may not be touched or belongs to a file that is too
 * short gives EFAULT, and never a signal. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "state.h"

/* Where a seccomp filter forbids process_vm_readv: a pipe, whose kernel copies just as carefully. */
static int64_t by_pipe(const struct iovec *from, const struct iovec *to)
{
    int fds[2];
    size_t done = 0;
    if (syscall(SYS_pipe2, fds, 02000000 /* O_CLOEXEC */))
        return -errno;
    while (done < from->iov_len) {
        size_t left = from->iov_len - done, piece = left < 4096 ? left : 4096;
        ssize_t put = write(fds[1], (char *)from->iov_base + done, piece);
        ssize_t got = put > 0 ? read(fds[0], (char *)to->iov_base + done, (size_t)put) : -1;
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    close(fds[0]);
    close(fds[1]);
    return (int64_t)done;
}

static int64_t copy(long number, const struct iovec *mine, const struct iovec *guests)
{
    long got = syscall(number, (long)getpid(), mine, 1L, guests, 1L, 0L);
    if (got >= 0)
        return got;
    if (errno != ENOSYS && errno != EPERM)
        return -errno;
    return number == SYS_process_vm_readv ? by_pipe(guests, mine) : by_pipe(mine, guests);
}

/* Whether the guest may do that there, and memory is there too: then it can be touched by this process itself, which costs less than the kernel's copy. */
bool reachable(struct vcpu *v, uint64_t address, uint64_t size, uint8_t needed)
{
    if (!size || !in_region(v, address, size))
        return false;
    uint64_t last = address + size - 1;
    for (uint64_t page = address & -(uint64_t)VCPU_PAGE; page <= last; page += VCPU_PAGE) {
        uint8_t prot = v->prot[page / VCPU_PAGE];
        if ((prot & needed) != needed || (prot & VCPU_FILE && !is_present(v, page, needed & VCPU_WRITE)))
            return false;
    }
    return true;
}

int vcpu_copy_in(struct vcpu *v, uint64_t address, void *to, uint64_t size)
{
    struct iovec mine = {to, size}, guests = {(void *)((uintptr_t)v->region + address), size};
    if (!in_region(v, address, size))
        return -EFAULT;
    return !size || copy(SYS_process_vm_readv, &mine, &guests) == (int64_t)size ? 0 : -EFAULT;
}

int vcpu_copy_out(struct vcpu *v, uint64_t address, const void *from, uint64_t size)
{
    struct iovec mine = {(void *)from, size}, guests = {(void *)((uintptr_t)v->region + address), size};
    if (!in_region(v, address, size))
        return -EFAULT;
    return !size || copy(SYS_process_vm_writev, &mine, &guests) == (int64_t)size ? 0 : -EFAULT;
}

/* Up to and with the NUL; its index, -EFAULT, or -ENAMETOOLONG if `limit` bytes have none. By pieces that end with a page, since what follows the
 * string need not be there. */
int64_t vcpu_read_string(struct vcpu *v, uint64_t address, char *to, uint64_t limit)
{
    uint64_t done = 0;
    while (done < limit) {
        uint64_t at = address + done, piece = VCPU_PAGE - at % VCPU_PAGE;
        if (piece > limit - done)
            piece = limit - done;
        if (vcpu_copy_in(v, at, to + done, piece))
            return -EFAULT;
        const char *end = memchr(to + done, 0, piece);
        if (end)
            return end - to;
        done += piece;
    }
    return -ENAMETOOLONG;
}
