"""Loading shared objects: read, map, relocate, initialise, look up, call, unload; each step by itself or all at once, as dlopen does.

The steps know neither which machine they run on nor where the memory is: they are handed an architecture and a `Target` (target.py), which has an AddressSpace
and may be able to run code.
"""
