/* shmat(2), shmdt(2); process_vm_readv(2) and process_vm_writev(2) of the program itself. */
#include "mm_common.h"
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/uio.h>

int main(void)
{
    begin();
    int id = (int)syscall(SYS_shmget, IPC_PRIVATE, 3 * P - 100, IPC_CREAT | 0600);
    if (id < 0)
        return 1;
    say("attached", syscall(SYS_shmat, id, window, 0));
    mark(window, 3);
    say("in a page", syscall(SYS_shmat, id, window + 8 * P + 5, 0));
    say("in a page, rounded", syscall(SYS_shmat, id, window + 8 * P + 5, SHM_RND | SHM_RDONLY));
    say("taken", syscall(SYS_shmat, id, window + P, 0));
    say("replace nothing", syscall(SYS_shmat, id, 0ul, SHM_REMAP));
    do_mmap(window + 16 * P, 4 * P, RW, ANON | MAP_FIXED, -1, 0);
    say("replaces", syscall(SYS_shmat, id, window + 16 * P, SHM_REMAP));
    say("no such segment", syscall(SYS_shmat, id + 12345, window + 40 * P, 0));
    say("anywhere", syscall(SYS_shmat, id, 0ul, SHM_EXEC));
    show_bytes("all the same", window + 16 * P, 4);
    show_access("read only", window + 8 * P, 4);
    show_maps("maps", window, window + 8 * P);
    say("detach nothing", syscall(SYS_shmdt, window + 100 * P));
    say("detach from the middle", syscall(SYS_shmdt, window + P));
    do_mprotect(window + P, P, PROT_READ);
    say("detach", syscall(SYS_shmdt, window));
    say("detach again", syscall(SYS_shmdt, window));
    show_access("detached", window, 4);
    syscall(SYS_shmctl, id, IPC_RMID, 0ul);
    show_bytes("still attached", window + 16 * P, 4);
    clear_window();

    do_mmap(window, 2 * P, RW, ANON | MAP_FIXED, -1, 0);
    mark(window, 2);
    do_mmap(window + 2 * P, P, PROT_READ, ANON | MAP_FIXED, -1, 0);
    struct iovec from[2] = { { (void *)window, 1 }, { (void *)(window + P), 1 } }, to = { (void *)(window + 100), 2 };
    say("read", syscall(SYS_process_vm_readv, getpid(), &to, 1ul, from, 2ul, 0ul));
    printf("read: %d %d\n", *(char *)(window + 100), *(char *)(window + 101));
    say("unknown flag", syscall(SYS_process_vm_readv, getpid(), &to, 1ul, from, 2ul, 1ul));
    say("too many", syscall(SYS_process_vm_readv, getpid(), &to, 1ul, from, 2000ul, 0ul));
    say("none", syscall(SYS_process_vm_readv, getpid(), &to, 0ul, from, 0ul, 0ul));
    from[0].iov_base = (void *)(window + 2 * P);
    say("write where it may not", syscall(SYS_process_vm_writev, getpid(), &to, 1ul, from, 1ul, 0ul));
    from[0].iov_base = (void *)(window + 3 * P);
    say("read where nothing is", syscall(SYS_process_vm_readv, getpid(), &to, 1ul, from, 1ul, 0ul));
    say("bad vector", syscall(SYS_process_vm_readv, getpid(), window + 90 * P, 1ul, from, 1ul, 0ul));
    return 0;
}
