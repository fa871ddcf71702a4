"""Everything that the vCPU core can do, once over, with machine code only: run by test_vcpu_sanitized.py under sanitizers, in a process of its own.

python vcpu_exercise.py CORE.so
"""

from __future__ import annotations

import ctypes
import os
import random
import sys
import tempfile
import threading
from errno import EFAULT
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from miniload.vcpu import core
from miniload.vcpu.core import EXEC, FILE, PAGE, READ, WRITE, PassThrough, Vcpu

CALLS = {"aarch64": "010000d4ffffff17", "riscv64": "730000006ff0dfff", "x86_64": "0f05ebfc"}
"""A system call, and again."""
LOADS = {"aarch64": "200040f9ffffff17", "riscv64": "03b505006ff0dfff", "x86_64": "488b06ebfb"}
"""A load through the second argument's register, and again."""
CODE, DATA = 0x10000, 0x60000000
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p


def mapped(vcpu: Vcpu, start: int, size: int, protection: int, data: bytes = b"") -> None:
    """Memory with `data` in it."""
    assert libc.mprotect(ctypes.c_void_p(vcpu.base + start), ctypes.c_size_t(size), 3) == 0
    vcpu.copy_out(start, data)
    vcpu.protect(start, size, protection)


def opened(name: str, code: str) -> Vcpu:
    """A vCPU at that code, with a few pages of data."""
    vcpu = Vcpu(import_module(f"miniload.arch.{name}.vcpu").VCPU)
    mapped(vcpu, CODE, PAGE, READ | EXEC, bytes.fromhex(code))
    mapped(vcpu, DATA, 4 * PAGE, READ | WRITE)
    vcpu.write_registers({"pc": CODE})
    return vcpu


def hostile(generator: random.Random, vcpu: Vcpu) -> int:
    """An argument that is at the edge of something."""
    edges = (0, DATA, DATA + 4 * PAGE, vcpu.size, 1 << 63, 1 << 64, 1 << 32, 1024, vcpu.base)
    return generator.choice(edges) + generator.randrange(-20, 20) & core.WORD


def passes_hostile_calls(name: str) -> None:
    """Rows of every kind of argument, with arguments that are wrong in every way, and iovec arrays full of them."""
    generator = random.Random(1)
    rows = (
        PassThrough(0, ((core.FD, 0), (core.BUFFER, 2), (core.VALUE, 0))),
        PassThrough(1, ((core.FD, 0), (core.BUFFER, 2), (core.VALUE, 0))),
        PassThrough(19, ((core.FD, 0), (core.IOVEC, 2), (core.INT, 0))),
        PassThrough(20, ((core.FD, 0), (core.IOVEC, 2), (core.INT, 0))),
        PassThrough(4, ((core.STRING, 0), (core.POINTER_ARG, 144))),
        PassThrough(7, ((core.ARRAY, 1 | 8 << 8), (core.VALUE, 0), (core.NONE, 0))),
    )
    zero, null = os.open("/dev/zero", os.O_RDONLY), os.open("/dev/null", os.O_WRONLY)
    with opened(name, CALLS[name]) as vcpu:
        for number, row in enumerate(rows):
            vcpu.pass_row(number, row)
        vcpu.reserve_fds(0, 2)
        for _ in range(3000):
            vector = b"".join(hostile(generator, vcpu).to_bytes(8, "little") for _ in range(64))
            vcpu.copy_out(DATA, vector)
            args = [generator.choice((zero, null)), *(hostile(generator, vcpu) for _ in range(5))]
            if generator.random() < 0.5:
                args[1:3] = DATA, generator.randrange(32)
            number = generator.randrange(len(rows))
            vcpu.write_registers({"pc": CODE, vcpu.arch.number: number, **dict(zip(vcpu.arch.args, args, strict=True))})
            vcpu.run(budget=2)
    os.close(zero)
    os.close(null)


def faults_and_mends(name: str) -> None:
    """Refused accesses, pages that come and go, a file that is too short."""
    register = "a1" if name == "riscv64" else "x1" if name == "aarch64" else "rsi"
    with opened(name, LOADS[name]) as vcpu, tempfile.TemporaryFile() as file:
        for address in (0, DATA - 4, DATA + 4 * PAGE - 4, vcpu.size - 4, vcpu.size, core.WORD - 2):
            vcpu.write_registers({register: address, "pc": CODE})
            assert vcpu.run(budget=10).reason == core.FAULT
        for _ in range(200):
            vcpu.write_registers({register: DATA + 8, "pc": CODE})
            vcpu.protect(DATA, PAGE, 0)
            assert vcpu.run(budget=10).reason == core.FAULT
            vcpu.protect(DATA, PAGE, READ)
            left = vcpu.run(budget=10)
            assert left.reason == core.BUDGET, left
            vcpu.protect(CODE, PAGE, READ)
            assert vcpu.run(budget=10).reason == core.FAULT
            vcpu.protect(CODE, PAGE, READ | EXEC)
            vcpu.invalidate(CODE, PAGE)
        file.write(b"x")
        file.flush()
        assert libc.mmap(ctypes.c_void_p(vcpu.base + DATA), ctypes.c_size_t(2 * PAGE), 3, 1 | 16, file.fileno(), ctypes.c_long(0)) == vcpu.base + DATA
        vcpu.protect(DATA, 2 * PAGE, READ | FILE)
        vcpu.write_registers({register: DATA + PAGE, "pc": CODE})
        assert vcpu.run(budget=10).bus
        for address, size in ((DATA + PAGE, 1), (vcpu.size - 1, 2), (core.WORD, 1)):
            assert copying(vcpu, address, size) == EFAULT


def copying(vcpu: Vcpu, address: int, size: int) -> int:
    """What reading there gives: 0 or an error number."""
    try:
        vcpu.copy_in(address, size)
    except OSError as error:
        return error.errno or 0
    return 0


def looks_at_code(name: str) -> None:
    """Breakpoints, counters, registers, contexts, stops."""
    with opened(name, CALLS[name]) as vcpu:
        vcpu.count(True)
        contexts = [vcpu.save() for _ in range(20)]
        for address in range(CODE, CODE + 64, 4):
            vcpu.add_breakpoint(address)
        for _ in range(50):
            vcpu.run()
        for address in range(CODE, CODE + 64, 4):
            vcpu.remove_breakpoint(address)
        vcpu.write_all(vcpu.read_all())
        for context in contexts:
            vcpu.restore(context)
            vcpu.run()
            vcpu.free_context(context)
        vcpu.count(False)
        vcpu.stop()
        assert vcpu.run().reason == core.STOP


def takes_turns(name: str) -> None:
    """Guest threads on host threads, one of which ends while others run."""
    with opened(name, CALLS[name]) as vcpu:
        main = vcpu.create_task()
        vcpu.take_turn(main)
        tasks = [vcpu.create_task() for _ in range(3)]

        def work(task: ctypes.c_void_p) -> None:
            for _ in range(100):
                vcpu.take_turn(task)
                assert vcpu.run().reason == core.SYSCALL
                vcpu.give_turn(task)
            vcpu.take_turn(task)
            vcpu.retire(task)

        threads = [threading.Thread(target=work, args=(task,)) for task in tasks]
        for thread in threads:
            thread.start()
        vcpu.give_turn(main)
        for thread in threads:
            thread.join()
        vcpu.take_turn(main)
        vcpu.retire(main)


def keeps_hostile_lists(name: str) -> None:
    """Lists of robust mutexes with every kind of wrong address in them, in memory like a shared file's. The host's kernel reads what the core makes of the
    last one when the thread ends: it may change nothing but the word that has the thread's number."""
    generator = random.Random(2)
    with opened(name, CALLS[name]) as vcpu:

        def work() -> None:
            task = vcpu.create_task()
            vcpu.take_turn(task)
            vcpu.protect(DATA, 4 * PAGE, READ | WRITE | FILE)
            for _ in range(2000):
                words = [hostile(generator, vcpu) for _ in range(64)]
                for index in range(0, 64, 3):
                    words[index] = DATA + generator.randrange(64) * 8 + generator.randrange(2)
                vcpu.copy_out(DATA, b"".join(word.to_bytes(8, "little") for word in words))
                vcpu.robust_list(generator.choice((DATA, DATA + 24, hostile(generator, vcpu))))
                vcpu.write_registers({"pc": CODE, vcpu.arch.number: core.WORD})
                assert vcpu.run().reason == core.SYSCALL
            number = threading.get_native_id()
            good = (DATA + 64, 16, 0, *(0,) * 5, DATA + 128, 0, number, *(0,) * 5, DATA, 0, number | 1 << 31, number)
            vcpu.copy_out(DATA, b"".join(word.to_bytes(8, "little") for word in good))
            vcpu.robust_list(DATA)
            vcpu.write_registers({"pc": CODE})
            assert vcpu.run().reason == core.SYSCALL
            vcpu.give_turn(task)
            ended.append(good)

        ended: list[tuple[int, ...]] = []
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        while os.path.exists(f"/proc/self/task/{ended[0][10]}"):
            os.sched_yield()  # Python is done with it before the kernel is
        words = list(ended[0])
        words[10], words[18] = 1 << 30, 1 << 31 | 1 << 30
        assert vcpu.copy_in(DATA, 8 * len(words)) == b"".join(word.to_bytes(8, "little") for word in words)


def main(library: str) -> None:
    """All of it, on every architecture."""
    if library:
        core.library_path = lambda: library
    for name in CALLS:
        for part in (passes_hostile_calls, faults_and_mends, looks_at_code, takes_turns, keeps_hostile_lists):
            part(name)
    print("done")


if __name__ == "__main__":
    main(*sys.argv[1:2] or [""])
