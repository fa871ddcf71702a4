/* The last code of miniload that runs: void trampoline(const struct departure *d), d in %rdi, no stack used, no return.
 *
 *     for (i = 0; i < 4; i++) if (d->unmap[i].size) munmap(d->unmap[i]);
 *     if (d->mm_map) prctl(PR_SET_MM, PR_SET_MM_MAP, d->mm_map, d->mm_map_size), close(d->exe_fd);
 *     clear *d;  munmap(own page) by way of the vDSO;  enter the program with every register zero
 *
 * Position-independent and within one page (stub.lds), because it may run from a copy. Offsets are those of struct
 * departure (stub/stub.h, asserted there). Registers at entry follow the kernel's ELF_PLAT_INIT: all zero, rdx (rtld_fini)
 * included. Segment bases and FP state are untouched since exec: the stub has no TLS and is built without FP.
 */
    .globl trampoline
    .hidden trampoline
    .globl trampoline_end
    .hidden trampoline_end
    .section .text.trampoline, "ax", @progbits
    .balign 1024
trampoline:
    movq %rdi, %rbx
    leaq 48(%rbx), %rbp
    movl $4, %r12d
1:  movq 0(%rbp), %rdi
    movq 8(%rbp), %rsi
    testq %rsi, %rsi
    jz 2f
    movl $11, %eax              /* munmap */
    syscall
2:  addq $16, %rbp
    decl %r12d
    jnz 1b

    movq 112(%rbx), %rdx
    testq %rdx, %rdx
    jz 3f
    movq 120(%rbx), %r10
    movl $35, %edi              /* PR_SET_MM */
    movl $14, %esi              /* PR_SET_MM_MAP */
    xorl %r8d, %r8d
    movl $157, %eax             /* prctl */
    syscall
    movq 128(%rbx), %rdi
    movl $3, %eax               /* close */
    syscall

3:  movq 0(%rbx), %r8           /* sp */
    movq 8(%rbx), %r9           /* entry */
    movq 16(%rbx), %r10         /* gadget */
    movq 24(%rbx), %r12         /* own page */
    movq 32(%rbx), %r13         /* its size */
    movq 40(%rbx), %rcx         /* bytes to clear */
    movq %rbx, %rdi
    xorl %eax, %eax
    rep stosb
    movq %r8, %rsp
    pushq $0x202                /* IF alone, as at the kernel's entry; no instruction below changes flags */
    popfq
    pushq %r9                   /* all that stays behind: one word below the stack pointer */
    movl $0, %edi
    movl $0, %esi
    movq %r10, %rcx
    jrcxz 4f
    movq %r12, %rdi
    movq %r13, %rsi
    movl $11, %eax              /* munmap, executed in the vDSO, which then returns to the entry point */
4:  movl $0, %ebx
    movl $0, %edx
    movl $0, %ebp
    movl $0, %r8d
    movl $0, %r9d
    movl $0, %r10d
    movl $0, %r11d
    movl $0, %r12d
    movl $0, %r13d
    movl $0, %r14d
    movl $0, %r15d
    jrcxz 5f
    jmp *%rcx                   /* the system call overwrites rcx, and the vDSO's code zeroes it */
5:  ret
trampoline_end:

    .section .note.GNU-stack, "", @progbits
