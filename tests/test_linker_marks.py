"""PT_GNU_STACK and GNU properties of what is loaded into this process. The oracle is ld.so, beside."""

from __future__ import annotations

from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from linker_marks import PT_GNU_STACK, PT_NULL, change_header
from linkers import Libraries, Linker, Ours, both, in_child

pytestmark = pytest.mark.feature(37)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Libraries:
    """Builds them."""
    return Libraries(tmp_path_factory.mktemp("marks"))


def stack_protection() -> str:
    """Of this process's first stack."""
    return next(line.split()[1] for line in Path("/proc/self/maps").read_text().splitlines() if line.endswith("[stack]"))


@pytest.mark.parametrize("change", [{"flags": 7}, {"flags": 6}, {"type": PT_NULL}], ids=["asks", "does not", "does not say"])
def test_executable_stacks(change: dict[str, int], library: Libraries) -> None:
    """ld.so makes the stacks executable where an object asks for that, or, on some machines, has no such header; or it refuses that (since glibc 2.41)."""
    path = change_header(library("libplain.so", "int number = 7;"), PT_GNU_STACK, library.folder / "libchanged.so", **change)

    def scenario(linker: Linker) -> tuple[bool, str]:
        return isinstance(linker.open(path), str), stack_protection()

    both(scenario)


def test_what_a_library_asks_for_is_told(library: Libraries) -> None:
    """`executable_stack`, and the properties that pyelftools reads from the file."""
    path = library("libmarked.so", "int f(void) { return 1; }", "-fcf-protection=full", "-nostartfiles")
    asking = change_header(path, PT_GNU_STACK, library.folder / "libasking.so", flags=7)
    with path.open("rb") as file:
        notes = [note for section in ELFFile(file).iter_sections("SHT_NOTE") for note in section.iter_notes() if note["n_type"] == "NT_GNU_PROPERTY_TYPE_0"]
    expected = {entry.pr_type: entry.pr_data for note in notes for entry in note["n_desc"]}

    def scenario() -> tuple[dict[int, bytes], list[bool]]:
        linker = Ours()
        plain = linker.open(path)
        return plain.gnu_properties, [plain.executable_stack, linker.open(asking).executable_stack]

    properties, stacks = in_child(scenario)
    assert stacks == [False, True]
    assert {kind: int.from_bytes(data, "little") for kind, data in properties.items()} == {0xC0000002: expected["GNU_PROPERTY_X86_FEATURE_1_AND"]}
