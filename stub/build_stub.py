"""Builds the freestanding programs, stub and launcher, for every architecture, with one C cross-compiler.

    python stub/build_stub.py [OUTPUT_DIR]

The compiler is the one that the `ziglang` package brings; CC_x86_64, CC_aarch64 and CC_riscv64 name others (gcc, clang, with
arguments if need be). setup.py calls `build_all` when a wheel or an editable install is made.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from struct import pack_into

STUB = Path(__file__).resolve().parent
ROOT = STUB.parent
OUTPUT = ROOT / "miniload" / "_built"
sys.path.insert(0, str(ROOT))

from miniload import arch as architectures  # noqa: E402  (found through the path that was just set)
from miniload.elf.header import SIZE as HEADER_SIZE  # noqa: E402
from miniload.elf.header import parse_header  # noqa: E402
from miniload.elf.segments import PT_LOAD, parse_segments  # noqa: E402
from miniload.elf.source import BytesSource  # noqa: E402

FLAGS = (
    "-Os", "-std=c11", "-Wall", "-Wextra", "-Werror",
    "-ffreestanding", "-fpie", "-fvisibility=hidden", "-fno-stack-protector", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables",
    "-nostdlib", "-pie",
    "-Wl,--no-dynamic-linker", "-Wl,-z,noexecstack", "-Wl,--build-id=none", "-Wl,-s", f"-Wl,-T,{STUB / 'stub.lds'}",
)  # fmt: skip
ZIG_FLAGS = ("-fno-sanitize=all",)
"""zig cc turns on the undefined-behaviour sanitizer, whose run-time is no part of a freestanding program."""
MAX_SIZE = 16384


def compiler(arch: architectures.Arch) -> list[str]:
    """The command that compiles for `arch`: $CC_<arch>, else zig."""
    chosen = os.environ.get(f"CC_{arch.name}")
    if chosen:
        return shlex.split(chosen)
    return [sys.executable, "-m", "ziglang", "cc", "-target", arch.stub_target, f"-mcpu={arch.stub_cpu}", *ZIG_FLAGS]


def build(arch: architectures.Arch, target: Path, sources: list[Path]) -> Path:
    """Compiles and links freestanding C and assembly to `target`. CalledProcessError if the compiler fails, SystemExit if the result is too large."""
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = ROOT / "arch" / arch.name
    raw = target.with_suffix(".raw")
    command = [
        *compiler(arch), *FLAGS, *arch.stub_flags, f"-Wl,-z,max-page-size={arch.max_page}",
        f"-I{STUB}", f"-I{folder}", str(folder / "start.S"), *map(str, sources), "-o", str(raw),
    ]  # fmt: skip
    subprocess.run(command, check=True)
    image = trim(raw.read_bytes())
    raw.unlink()
    if len(image) > MAX_SIZE:
        raise SystemExit(f"{target}: {len(image)} bytes, more than {MAX_SIZE}")
    target.write_bytes(image)
    target.chmod(0o755)
    return target


def build_stub(arch: architectures.Arch, output: Path) -> Path:
    """OUTPUT/stub-<arch>: what carries plans out."""
    return build(arch, output / f"stub-{arch.name}", [ROOT / "arch" / arch.name / "trampoline.S", *sorted(STUB.glob("*.c"))])


def build_launcher(arch: architectures.Arch, output: Path) -> Path:
    """OUTPUT/launcher-<arch>: the `miniload` command, which starts Python."""
    shared = [STUB / "kernel_stack.c", STUB / "memory.c"]
    return build(arch, output / f"launcher-{arch.name}", [STUB / "launcher" / "launcher.c", *shared])


def build_core(arch: architectures.Arch, output: Path, name: str, assembly: tuple[str, ...]) -> Path:
    """OUTPUT/<name>-<arch>.so from miniload/<name>/*.c and the architecture's assembly: an ordinary shared object for this machine's libc (any
    since arch.oldest_glibc)."""
    output.mkdir(parents=True, exist_ok=True)
    target = output / f"{name}-{arch.name}.so"
    chosen = os.environ.get(f"CC_{arch.name}")
    zig = [sys.executable, "-m", "ziglang", "cc", "-target", f"{arch.name}-linux-gnu.{arch.oldest_glibc}", *ZIG_FLAGS]
    flags = ("-O2", "-std=c11", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-fvisibility=hidden", "-Wl,-z,noexecstack", "-Wl,-s")
    folder = ROOT / "arch" / arch.name
    sources = [f"-I{folder}", *map(str, sorted((ROOT / "miniload" / name).glob("*.c"))), *(str(folder / file) for file in assembly)]
    subprocess.run([*(shlex.split(chosen) if chosen else zig), *flags, *sources, "-o", str(target), "-ldl", "-lpthread"], check=True)
    return target


def build_cores(arch: architectures.Arch, output: Path) -> list[Path]:
    """The emulated CPU's core and the linker's."""
    return [build_core(arch, output, "vcpu", ("host_call.S",)), build_core(arch, output, "linker", ("lazy.S",))]


def build_guest(arch: architectures.Arch, output: Path) -> Path:
    """OUTPUT/guest-<arch>.so: what processes that are emulated for the linker have in them. It needs no C library and gets along with any."""
    target = output / f"guest-{arch.name}.so"
    chosen = os.environ.get(f"CC_{arch.name}")
    zig = [sys.executable, "-m", "ziglang", "cc", "-target", f"{arch.name}-linux-gnu", *ZIG_FLAGS]
    flags = ("-Os", "-std=c11", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-fPIC", "-shared", "-nostdlib", "-fvisibility=hidden", "-fno-stack-protector")
    linked = ("-Wl,-z,noexecstack", "-Wl,--hash-style=both", "-Wl,--build-id=none", "-Wl,-s")
    source = ROOT / "miniload" / "linker" / "guest" / "residents.c"
    subprocess.run([*(shlex.split(chosen) if chosen else zig), *flags, *linked, str(source), "-o", str(target)], check=True)
    return target


def trim(image: bytes) -> bytes:
    """Only what is mapped: linkers leave section headers and, for large pages, a long run of zeros behind the code."""
    source = BytesSource(image, b"stub")
    segments = parse_segments(source, parse_header(source))
    end = max(segment.offset + segment.filesz for segment in segments if segment.type == PT_LOAD and segment.filesz)
    kept = bytearray(image[:end])
    pack_into("<Q", kept, 40, 0)  # e_shoff
    pack_into("<HH", kept, HEADER_SIZE - 4, 0, 0)  # e_shnum, e_shstrndx
    return bytes(kept)


def build_all(output: Path = OUTPUT) -> list[Path]:
    """The stubs, launchers and guest parts of all architectures, and the cores of this machine's."""
    archs = [architectures.get(name) for name in architectures.NAMES]
    host = architectures.host()
    cores = build_cores(host, output) if host else []
    return [build(arch, output) for build in (build_stub, build_launcher, build_guest) for arch in archs] + cores


if __name__ == "__main__":
    for path in build_all(*map(Path, sys.argv[1:2])):
        print(f"{path} {path.stat().st_size} bytes")
