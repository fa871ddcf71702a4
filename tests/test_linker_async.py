"""Loading from coroutines."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import need

import miniload
from miniload.errors import ElfError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def build(folder: Path, number: int, *flags: str) -> Path:
    """A library with answer() == number."""
    need("gcc")
    source, output = folder / f"n{number}.c", folder / f"libn{number}.so"
    source.write_text(f"int answer(void) {{ return {number}; }}")
    subprocess.run(["gcc", "-shared", "-fPIC", str(source), "-o", str(output), *flags], check=True)
    return output


pytestmark = pytest.mark.feature(10)


def maps() -> str:
    """This process's mappings."""
    return Path("/proc/self/maps").read_text()


def test_many_are_loaded_at_once(tmp_path: Path) -> None:
    """Each is the one that was asked for, and the loop runs meanwhile."""
    paths = [str(build(tmp_path, number)) for number in range(8)]
    turns = 0

    async def main() -> list[int]:
        nonlocal turns
        loading = asyncio.gather(*[miniload.load_async(path) for path in paths])
        while not loading.done():
            turns += 1
            await asyncio.sleep(0)
        libraries = await loading
        answers = [library.answer() for library in libraries]
        for library in libraries:
            library.close()
        return answers

    assert asyncio.run(main()) == list(range(8))
    assert turns > 1


def test_bytes_come_from_a_coroutine_or_an_iterator(tmp_path: Path) -> None:
    """A source with `async def read`, and pieces as they arrive."""
    data = build(tmp_path, 7).read_bytes()

    class Source:
        name, size, reads = b"remote", len(data), 0

        async def read(self, offset: int, length: int) -> bytes:
            self.reads += 1
            await asyncio.sleep(0)
            return data[offset : offset + length]

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 1000):
            await asyncio.sleep(0)
            yield data[start : start + 1000]

    async def main() -> list[int]:
        source = Source()
        with await miniload.load_async(source) as one, await miniload.load_async(pieces()) as two:
            assert source.reads
            return [one.answer(), two.answer()]

    assert asyncio.run(main()) == [7, 7]


def test_dependencies_come_along(tmp_path: Path) -> None:
    """Found as `load` finds them."""
    build(tmp_path, 3)
    user = tmp_path / "user.c"
    user.write_text("int answer(void); int twice(void) { return 2 * answer(); }")
    path = tmp_path / "libuser.so"
    command = ["gcc", "-shared", "-fPIC", str(user), "-o", str(path), str(tmp_path / "libn3.so")]  # DT_NEEDED is that path, since there is no soname
    subprocess.run(command, check=True)

    async def main() -> int:
        with await miniload.load_async(str(path)) as library:
            answer: int = library.twice()
            return answer

    assert asyncio.run(main()) == 6


def test_errors_are_those_of_load(tmp_path: Path) -> None:
    """The same classes, when the load is awaited."""
    (tmp_path / "junk").write_bytes(b"junk")
    with pytest.raises(ElfError):
        asyncio.run(miniload.load_async(str(tmp_path / "junk")))
    with pytest.raises(NotFoundError):
        asyncio.run(miniload.load_async("libno-such-library.so.9"))
    with pytest.raises(FileNotFoundError):
        asyncio.run(miniload.load_async(str(tmp_path / "missing.so")))


def test_a_cancelled_load_leaves_nothing(tmp_path: Path) -> None:
    """Its initialiser waits for this test; when it is through, the object goes again."""
    readable, writable = os.pipe()
    source = tmp_path / "slow.c"
    source.write_text(
        f"#include <unistd.h>\n__attribute__((constructor)) static void wait_for_byte(void) {{ char c; if (read({readable}, &c, 1) < 0) _exit(9); }}"
    )
    path = tmp_path / "libslow.so"
    subprocess.run(["gcc", "-shared", "-fPIC", str(source), "-o", str(path)], check=True)

    async def main() -> None:
        task = asyncio.create_task(miniload.load_async(str(path)))
        while str(path) not in maps():
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        os.write(writable, b"x")
        for _ in range(1000):
            if str(path) not in maps():
                return
            await asyncio.sleep(0.01)
        pytest.fail("it is still mapped")

    asyncio.run(main())
    os.close(readable)
    os.close(writable)
