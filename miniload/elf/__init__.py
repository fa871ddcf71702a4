"""ELF files: bytes to frozen values. Nothing is mapped, nothing in the file is trusted, nothing heavy is imported."""
