"""The guest's kernel: Linux's system calls, memory, files, processes and signals for an emulated program."""
