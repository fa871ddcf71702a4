/* Relocations that compilers seldom emit. rare(n) adds up what each of them reaches. */
        .section .text.one, "ax"
        .globl rare
rare:   xorl    %eax, %eax
        movsbq  near(%rip), %rcx        /* with R_X86_64_PC8 */
        addl    %ecx, %eax
        movswq  near + 1(%rip), %rcx    /* R_X86_64_PC16 */
        addl    %ecx, %eax
        leaq    _GLOBAL_OFFSET_TABLE_(%rip), %rdx /* R_X86_64_GOTPC32 */
        movabsq $pointed@GOTOFF, %rcx   /* R_X86_64_GOTOFF64 */
        addl    (%rdx, %rcx), %eax
        movabsq $pointed@GOT, %rcx      /* R_X86_64_GOT64 */
        movq    (%rdx, %rcx), %rcx
        addl    (%rcx), %eax
        addl    $pointed@SIZE, %eax     /* R_X86_64_SIZE32 */
        leaq    here(%rip), %rcx
        addq    distance(%rip), %rcx    /* with R_X86_64_PC64 */
        addl    (%rcx), %eax
        addl    %edi, %eax
        ret

        .section .data.near, "aw"
near:   .byte   pointed - .
        .short  pointed - .
        .balign 8
here:
distance: .quad pointed - .

        .data
        .globl  pointed
        .type   pointed, @object
        .size   pointed, 4
pointed: .long  64
