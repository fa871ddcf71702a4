"""Relocating one object against a scope. The formulas are the core's (relocate.c); here is what needs more than memory: resolvers, thread-local storage,
text that has to be writable for a moment, symbols that are not there."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager, nullcontext
from ctypes import byref, c_uint64

from miniload.errors import RelocationError, UnresolvedError
from miniload.linker import core
from miniload.linker.arch import COPY, MODULE, OFFSET, TLSDESC, TP_OFFSET
from miniload.linker.core import BINDING_HOOK, Outcome, Pending
from miniload.linker.hooks import NO_HOOKS, Hooks, RelocationInfo, overrides
from miniload.linker.mapping import PROTECTIONS
from miniload.linker.object import PF_W, Object, protect_relro
from miniload.linker.troubles import trouble
from miniload.linker.unique import Unique

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from miniload.linker.arch import Linking
    from miniload.linker.scope import Scope

    Missing = Callable[[Object, str], int | None]

LATE = 1 << 30
"""Added to the type of an object file's relocation that its shared object keeps (relocatable/link.py); no linker's types are so large."""
NOTHING: AbstractContextManager[None] = nullcontext()


def relocate(loaded: Object, scope: Scope, *, lazy: bool = False, hooks: Hooks = NO_HOOKS, missing: Missing | None = None) -> None:
    """Applies all relocations of a mapped object, in place, once: RELR, RELA, then the PLT's; then PT_GNU_RELRO becomes read-only.

    `lazy`: calls are bound when they are first made; the caller has prepared the GOT for that. `missing(object, name)`: an address for a symbol that nothing in
    scope defines, None for none. UnresolvedError names all that stay unresolved, RelocationError a relocation that cannot be applied, ElfError a malformed one.
    """
    linking, kinds = core.kinds_of(loaded.target.arch)
    outcome = Outcome()
    target, raw, flags = loaded.target, loaded.raw, core.RELOCATE_LAZY if lazy else 0
    quick = target.native and hooks is NO_HOOKS and not raw.traits & core.TEXTREL
    code = 1
    if quick:
        words = target.resolver_words
        code = core.relocate_here(loaded.where, scope.where, byref(kinds), flags, target.space.page_size, words, byref(outcome))
    if code:
        _by_steps(loaded, scope, linking, kinds, outcome, flags if not quick else None, code, hooks, missing)
    elif outcome.pending:
        core.free_outcome(byref(outcome))
    loaded.relocated = True
    if hooks is not NO_HOOKS and overrides(hooks, "relocated"):
        for relocation in relocations(loaded):
            hooks.relocated(loaded, relocation)


def _by_steps(
    loaded: Object,
    scope: Scope,
    linking: Linking,
    kinds: core.CKinds,
    outcome: Outcome,
    flags: int | None,
    code: int,
    hooks: Hooks,
    missing: Missing | None,
) -> None:
    """The same where more is needed than the core can do at once. `flags`: None if it has tried already, and said `code`."""
    hook, failures = _binding_hook(loaded, hooks)
    raw = loaded.raw
    try:
        with _writable_text(loaded) if raw.traits & core.TEXTREL else NOTHING:
            if flags is not None:
                code = core.relocate(loaded.where, scope.where, byref(kinds), flags, hook, byref(outcome))
            if failures:
                raise failures[0]
            if code < 0:
                wrong = outcome.trouble
                raise trouble(loaded.name, code, wrong.field, wrong.index, wrong.value)
            if outcome.pending_count or raw.image.tls.size:
                _finish(loaded, scope, linking, kinds, outcome, hooks, missing)
            loaded.store()
    finally:
        core.free_outcome(byref(outcome))
    protect_relro(loaded)


def _binding_hook(loaded: Object, hooks: Hooks) -> tuple[object, list[BaseException]]:
    failures: list[BaseException] = []
    if not overrides(hooks, "bind"):
        return None, failures

    def bind(_object: object, index: int, _name: bytes, address: int, found: int) -> int:
        try:
            answer = hooks.bind(loaded, loaded.symbol_name(index), address if found else None)
        except BaseException as failure:  # no exception can pass through the core
            failures.append(failure)
            return address
        return answer or 0

    return BINDING_HOOK(bind), failures


@contextmanager
def _writable_text(loaded: Object) -> Iterator[None]:
    """DT_TEXTREL: segments that are not writable are, while they are relocated."""
    raw, space = loaded.raw, loaded.target.space
    segments = [segment for segment in raw.image.segments[: raw.image.segment_count] if not segment.flags & PF_W]
    page = space.page_size

    def each(protection_of: Callable[[int], int]) -> None:
        for segment in segments:
            start, end = loaded.bias + segment.address & -page, loaded.bias + segment.address + segment.size + page - 1 & -page
            space.protect(start, end - start, protection_of(segment.flags))

    each(lambda flags: PROTECTIONS[flags] & 1 | 3)
    for segment in segments:
        segment.flags |= PF_W
    yield
    loaded.store()
    for segment in segments:
        segment.flags &= ~PF_W
    each(lambda flags: PROTECTIONS[flags])


def _finish(loaded: Object, scope: Scope, linking: Linking, kinds: core.CKinds, outcome: Outcome, hooks: Hooks, missing: Missing | None) -> None:
    """What the core has left: unresolved and unknown ones first, resolvers last, as they may use all the others."""
    left = [outcome.pending[index] for index in range(outcome.pending_count)]
    _bind_missing(loaded, linking, kinds, [entry for entry in left if entry.reason == core.LEFT_UNRESOLVED], missing)
    unknown = [entry for entry in left if entry.reason == core.LEFT_UNKNOWN]
    for entry in unknown:
        if not entry.type & LATE:
            _unknown(loaded, linking, kinds, entry, hooks)
    _thread_local(loaded, scope, linking, kinds, [entry for entry in left if entry.reason in (core.LEFT_TLS, core.LEFT_TLSDESC)])
    late = [entry for entry in unknown if entry.type & LATE]
    if late:
        from miniload.linker.relocatable.late import apply_late

        apply_late(loaded, scope, late, missing)
    resolvers = [entry for entry in left if entry.reason == core.LEFT_IFUNC]
    if resolvers:
        loaded.store()
        answers: dict[int, int] = {}
        for entry in resolvers:
            if entry.value not in answers:
                answers[entry.value] = call_resolver(loaded, entry.value)
            _apply(loaded, linking, kinds, entry, answers[entry.value])


def call_resolver(loaded: Object, address: int) -> int:
    """What an IFUNC resolver says."""
    target = loaded.target
    return target.call(address, *target.resolver_arguments())


def _apply(loaded: Object, linking: Linking, kinds: core.CKinds, entry: Pending, value: int) -> None:
    if core.apply(loaded.where, byref(kinds), byref(entry), c_uint64(value)):
        raise _failure(loaded, linking, entry, "the value does not fit, or its place is not in a writable segment")


def _failure(loaded: Object, linking: Linking, entry: Pending, reason: str) -> RelocationError:
    error = RelocationError(loaded.name, reason, field=f"{linking.name_of(entry.type)} at {entry.place:#x}", value=loaded.symbol_name(entry.symbol) or None)
    error.relocation, error.symbol = linking.name_of(entry.type), loaded.symbol_name(entry.symbol)
    return error


def _bind_missing(loaded: Object, linking: Linking, kinds: core.CKinds, entries: list[Pending], missing: Missing | None) -> None:
    addresses: dict[int, int | None] = {}
    for entry in entries:
        if entry.symbol not in addresses:
            usable = missing is not None and entry.operation not in (COPY, MODULE, OFFSET, TLSDESC, TP_OFFSET)
            addresses[entry.symbol] = missing(loaded, loaded.symbol_name(entry.symbol)) if missing and usable else None
        address = addresses[entry.symbol]
        if address is not None:
            _apply(loaded, linking, kinds, entry, address)
    names = tuple(loaded.symbol_name(symbol) for symbol, address in addresses.items() if address is None)
    if names:
        shown = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
        error = UnresolvedError(loaded.name, f"{'symbols that are' if len(names) > 1 else 'a symbol that is'} defined nowhere: {shown}")
        first = next(entry for entry in entries if addresses[entry.symbol] is None)
        error.symbols, error.symbol, error.relocation = names, names[0], linking.name_of(first.type)
        raise error


def _unknown(loaded: Object, linking: Linking, kinds: core.CKinds, entry: Pending, hooks: Hooks) -> None:
    info = RelocationInfo(loaded.bias + entry.place, entry.type, linking.name_of(entry.type), loaded.symbol_name(entry.symbol), entry.addend, 0)
    value = hooks.unknown_relocation(loaded, info)
    if value is None:
        known = entry.type in linking.relocations
        raise _failure(loaded, linking, entry, "is of a kind that is refused" if known else "no dynamic relocation of this architecture")
    _apply(loaded, linking, kinds, entry, value & (1 << 64) - 1)


def _thread_local(loaded: Object, scope: Scope, linking: Linking, kinds: core.CKinds, entries: list[Pending]) -> None:
    """Those that need to know where TLS blocks are. A block gets its place when the object's own contents are relocated, so that a new thread's
    copy is right."""
    target, raw = loaded.target, loaded.raw
    objects = {member.where: member for member in scope.members if isinstance(member, Object)}
    for member in scope.members:
        if isinstance(member, Unique):
            objects.update((other.where, other) for other in member.objects)
    objects[loaded.where] = loaded
    if raw.image.tls.present and raw.image.tls.size and not raw.tls_state:
        loaded.store()
        target.place_tls(loaded)
    for entry in entries:
        definer = objects.get(entry.definer) if entry.definer else None
        if definer is not None and not definer.raw.tls_state:
            if not definer.raw.image.tls.present:
                raise _failure(loaded, linking, entry, f"{definer.name} has no thread-local storage")
            target.place_tls(definer)
        if entry.operation == TLSDESC:
            words = target.tls_descriptor(definer, entry.value)
            _apply(loaded, linking, kinds, entry, words[0])
            _store_word(loaded, entry.place + 8, words[1])
            continue
        if definer is None:
            raise _failure(loaded, linking, entry, "is thread-local, and what is given for the symbol is not")
        if entry.operation == MODULE:
            _apply(loaded, linking, kinds, entry, definer.raw.tls_module)
        elif definer.raw.tls_state < 2:
            raise _failure(loaded, linking, entry, f"{definer.name} has no place at a fixed offset from the thread pointer")
        else:
            _apply(loaded, linking, kinds, entry, entry.value + definer.raw.tls_offset & (1 << 64) - 1)


def _store_word(loaded: Object, place: int, value: int) -> None:
    c_uint64.from_address(loaded.raw.memory + place).value = value


def relocations(loaded: Object) -> Iterator[RelocationInfo]:
    """All relocations of RELA tables, with the values that are at their places now, and those of RELR as RELATIVE ones."""
    linking, kinds = core.kinds_of(loaded.target.arch)
    loaded.refresh()
    raw, space = loaded.raw, loaded.target.space

    def info(place: int, kind: int, symbol: int, addend: int) -> RelocationInfo:
        value = int.from_bytes(space.read(loaded.bias + place, 8), "little")
        return RelocationInfo(loaded.bias + place, kind, linking.name_of(kind), loaded.symbol_name(symbol) if symbol else "", addend, value)

    for place in relr_places(loaded.words(raw.relr)):
        yield info(place, kinds.relative, 0, 0)
    for table in (raw.rela, raw.plt):
        words = loaded.words(table)
        for at in range(0, len(words), 3):
            addend = words[at + 2] - (words[at + 2] >> 63 << 64)
            yield info(words[at], words[at + 1] & 0xFFFFFFFF, words[at + 1] >> 32, addend)


def relr_places(words: list[int]) -> Iterator[int]:
    """The link addresses of a DT_RELR table (gABI, "Relative relocations")."""
    where = 0
    for word in words:
        if not word & 1:
            yield word
            where = word + 8
            continue
        for bit in range(63):
            if word >> bit + 1 & 1:
                yield where + 8 * bit
        where += 63 * 8


def initial_tls(loaded: Object) -> bytes:
    """The contents of the object's thread-local segment as they are now, without the part that is zero."""
    tls = loaded.raw.image.tls
    return loaded.target.space.read(loaded.bias + tls.address, tls.file_size) if tls.file_size else b""
