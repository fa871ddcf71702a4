"""How fast the emulator is: loops, whole programs and start-up, natively, by qemu-user, by miniload and by Qiling, in one interleaved run."""
