"""The list of mappings against a naive model: a dict from page to what is mapped there."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from miniload.space import MAP_GROWSDOWN, MAP_PRIVATE, PAGE
from miniload.space.vma import GUARD_GAP, Vma, VmaList

PAGES = 40
TOP = PAGES * PAGE
OPERATION = st.tuples(st.sampled_from(["add", "add", "file", "remove"]), st.integers(0, PAGES - 1), st.integers(1, 9), st.integers(0, 2))


def carry_out(vmas: VmaList, model: dict[int, tuple[int, int]], operation: tuple[str, int, int, int]) -> None:
    """One operation on both: page -> (protection, file's page or -1)."""
    what, page, count, protection = operation
    count = min(count, PAGES - page)
    start, end = page * PAGE, (page + count) * PAGE
    if what == "remove":
        gone = vmas.remove(start, end)
        assert sum(vma.end - vma.start for vma in gone) == PAGE * sum(model.pop(at, None) is not None for at in range(page, page + count))
        assert all(start <= vma.start < vma.end <= end for vma in gone)
        return
    is_file = what == "file"
    vmas.add(Vma(start, end, protection, MAP_PRIVATE, b"f" if is_file else b"", 100 * PAGE + start if is_file else 0, 0, int(is_file)))
    for at in range(page, page + count):
        model[at] = (protection, 100 + at if is_file else -1)


def holes(model: dict[int, tuple[int, int]]) -> list[tuple[int, int]]:
    """[start, end) in pages of each run of free ones."""
    found, start = [], None
    for page in range(PAGES + 1):
        free = page < PAGES and page not in model
        if free and start is None:
            start = page
        elif not free and start is not None:
            found.append((start, page))
            start = None
    return found


@settings(max_examples=300, deadline=None)
@given(st.lists(OPERATION, max_size=25), st.integers(1, 6))
def test_list_agrees_with_a_dict_of_pages(operations: list[tuple[str, int, int, int]], size: int) -> None:
    """After every operation: order, find, after, before, within, covered, offsets, and that equal neighbours are one."""
    vmas, model = VmaList(), {}  # type: ignore[var-annotated]
    for operation in operations:
        carry_out(vmas, model, operation)
        fit = [(low, high) for low, high in holes(model) if high - low >= size]
        assert vmas.gap_below(size * PAGE, 0, TOP) == ((fit[-1][1] - size) * PAGE if fit else None)
        assert vmas.gap_below(PAGE, 0, TOP) == (max(set(range(PAGES)) - set(model)) * PAGE if len(model) < PAGES else None)
        assert vmas.gap_above(size * PAGE, 0, TOP) == (fit[0][0] * PAGE if fit else None)
    listed = list(vmas)
    assert all(one.end <= other.start for one, other in pairwise(listed))
    assert not any(other.continues(one) for one, other in pairwise(listed))
    for page in range(PAGES):
        vma = vmas.find(page * PAGE + 5)
        assert (vma is not None) == (page in model)
        if vma:
            assert model[page] == (vma.protection, (vma.offset + page * PAGE - vma.start) // PAGE if vma.inode else -1)
        following = [at for at in model if at >= page]
        after = vmas.after(page * PAGE)
        assert (after.end > page * PAGE and max(after.start, page * PAGE) == min(following) * PAGE) if after else not following
        before = vmas.before(page * PAGE)
        assert before.start < page * PAGE if before else not any(at < page for at in model)
    assert vmas.covered(3 * PAGE, 30 * PAGE) == next((page for page in range(3, 30) if page not in model), 30) * PAGE
    assert {page for vma in vmas.within(7 * PAGE, 12 * PAGE) for page in range(vma.start // PAGE, vma.end // PAGE)} >= set(model) & set(range(7, 12))
    assert vmas.size() == len(model) * PAGE


def test_new_mappings_keep_away_from_one_that_grows_down() -> None:
    """vm_start_gap() of include/linux/mm.h."""
    vmas = VmaList()
    vmas.add(Vma(1000 * PAGE, 1001 * PAGE, 3, MAP_PRIVATE | MAP_GROWSDOWN))
    assert vmas.gap_below(PAGE, 0, 1001 * PAGE) == 1000 * PAGE - GUARD_GAP - PAGE
    assert vmas.gap_below(PAGE, 0, 1000 * PAGE) == 1000 * PAGE - GUARD_GAP - PAGE
    assert vmas.gap_above(PAGE, 900 * PAGE, 2000 * PAGE) == 1001 * PAGE


def test_files_are_one_mapping_only_where_the_offsets_continue() -> None:
    """can_vma_merge_after() of mm/vma.c."""
    vmas = VmaList()
    vmas.add(Vma(0, PAGE, 1, MAP_PRIVATE, b"f", 0, 1, 2))
    vmas.add(Vma(2 * PAGE, 3 * PAGE, 1, MAP_PRIVATE, b"f", 2 * PAGE, 1, 2))
    vmas.add(Vma(PAGE, 2 * PAGE, 1, MAP_PRIVATE, b"f", 0, 1, 2))
    assert len(vmas) == 3
    vmas.add(Vma(PAGE, 2 * PAGE, 1, MAP_PRIVATE, b"f", PAGE, 1, 2))
    assert [(vma.start, vma.end, vma.offset) for vma in vmas] == [(0, 3 * PAGE, 0)]
