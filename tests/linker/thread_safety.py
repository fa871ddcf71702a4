"""Threads that load, call and unload the same and different libraries: thread_safety.py SECONDS THREADS LIBRARY... Prints how often, and what was wrong.
A library with "=" before its name is ld.so's."""

from __future__ import annotations

import _ctypes
import os
import random
import sys
import threading
import time

import miniload

seconds, count, paths = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
end = time.monotonic() + seconds
counts, wrong = [0] * count, []


def work(number: int) -> None:
    chance = random.Random(number)
    while time.monotonic() < end and not wrong:
        path = chance.choice(paths)
        try:
            if path[0] == "=":
                _ctypes.dlclose(_ctypes.dlopen(path[1:], os.RTLD_NOW))
                continue
            with miniload.load(path, chance.choice((os.RTLD_NOW, os.RTLD_LAZY))) as library:
                answer = library.exercise(number)
            if answer != 1000 + number:
                wrong.append(f"{path}: {answer}")
        except Exception as error:
            wrong.append(repr(error))
        counts[number] += 1


threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
with open("/proc/self/maps") as maps:
    left = [path for path in paths if path in maps.read()]
print(min(counts) > 0, wrong, left)
print(sum(counts), file=sys.stderr)
