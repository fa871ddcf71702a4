"""Real AArch64 and RISC-V programs: the same program on the same input through qemu-user and through the installed command."""
