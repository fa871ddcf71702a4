/* Where the first PLT entry jumps to with GOT[1], the object, and the relocation's index pushed. Keeps every register that may hold an argument: al,
 * rdi, rsi, rdx, rcx, r8, r9, the static chain in r10, and all vector registers in their full width. */
        .text
        .globl  lazy_trampoline
        .hidden lazy_trampoline, lazy_bind, lazy_state_size, lazy_state_mask
        .type   lazy_trampoline, @function
lazy_trampoline:
        .cfi_startproc
        .cfi_def_cfa_offset 24
        .byte   0xf3, 0x0f, 0x1e, 0xfa  /* endbr64 */
        pushq   %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbx, 0
        movq    %rsp, %rbx
        .cfi_def_cfa_register %rbx
        pushq   %rax
        pushq   %rcx
        pushq   %rdx
        pushq   %rsi
        pushq   %rdi
        pushq   %r8
        pushq   %r9
        pushq   %r10
        movl    lazy_state_size(%rip), %eax
        subq    %rax, %rsp
        andq    $-64, %rsp
        movl    lazy_state_mask(%rip), %eax
        xorl    %edx, %edx
        testl   %eax, %eax
        jz      1f
        movq    %rdx, 512(%rsp)         /* XSAVE keeps what it does not write of its header, XRSTOR refuses anything there */
        movq    %rdx, 520(%rsp)
        movq    %rdx, 528(%rsp)
        movq    %rdx, 536(%rsp)
        movq    %rdx, 544(%rsp)
        movq    %rdx, 552(%rsp)
        movq    %rdx, 560(%rsp)
        movq    %rdx, 568(%rsp)
        xsave64 (%rsp)
        jmp     2f
1:      fxsave64 (%rsp)
2:      movq    8(%rbx), %rdi
        movq    16(%rbx), %rsi
        call    lazy_bind
        movq    %rax, %r11
        movl    lazy_state_mask(%rip), %eax
        xorl    %edx, %edx
        testl   %eax, %eax
        jz      3f
        xrstor64 (%rsp)
        jmp     4f
3:      fxrstor64 (%rsp)
4:      leaq    -64(%rbx), %rsp
        popq    %r10
        popq    %r9
        popq    %r8
        popq    %rdi
        popq    %rsi
        popq    %rdx
        popq    %rcx
        popq    %rax
        popq    %rbx
        .cfi_def_cfa %rsp, 24
        .cfi_restore %rbx
        addq    $16, %rsp
        .cfi_adjust_cfa_offset -16
        jmpq    *%r11
        .cfi_endproc
        .size   lazy_trampoline, . - lazy_trampoline
        .section .note.GNU-stack, "", @progbits
