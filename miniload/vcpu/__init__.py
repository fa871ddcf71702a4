"""The emulated CPU: a C core around libunicorn (vcpu.c) and its thin Python face (core.py)."""
