"""What functions take and return, as a library's DWARF says it (DWARF 5, sections 3.3, 5.1 to 5.8), in ctypes' terms.

All of our architectures have the same sizes of C's types (LP64), so the same types serve in an emulated process.
"""

from __future__ import annotations

import ctypes

from miniload.errors import ElfError, UnsupportedError
from miniload.linker.library import Library
from miniload.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from elftools.dwarf.compileunit import CompileUnit
    from elftools.dwarf.die import DIE

    from miniload.linker.loader import Loader
    from miniload.linker.object import Object

BOOLEAN, FLOAT, SIGNED, SIGNED_CHAR, UNSIGNED, UNSIGNED_CHAR, UTF = 2, 4, 5, 6, 7, 8, 16
"""DW_ATE_*."""
INTEGERS: dict[tuple[bool, int], Any] = {
    (True, 1): ctypes.c_int8, (True, 2): ctypes.c_int16, (True, 4): ctypes.c_int32, (True, 8): ctypes.c_int64,
    (False, 1): ctypes.c_uint8, (False, 2): ctypes.c_uint16, (False, 4): ctypes.c_uint32, (False, 8): ctypes.c_uint64,
}  # fmt: skip
FLOATS: dict[int, Any] = {4: ctypes.c_float, 8: ctypes.c_double, 16: ctypes.c_longdouble}
QUALIFIERS = ("DW_TAG_typedef", "DW_TAG_const_type", "DW_TAG_volatile_type", "DW_TAG_restrict_type", "DW_TAG_atomic_type")
POINTERS = ("DW_TAG_pointer_type", "DW_TAG_reference_type", "DW_TAG_rvalue_reference_type")
RECORDS = ("DW_TAG_structure_type", "DW_TAG_class_type", "DW_TAG_union_type")
PASS_BY_REFERENCE = 4
"""DW_CC_pass_by_reference: a class whose copies are made by a constructor."""


class Unspeakable(Exception):
    """A type that ctypes cannot pass."""


class Signature(Record):
    """`restype` is None for void, `argtypes` are the named parameters'; `variadic`: more may follow."""

    restype: Any
    argtypes: tuple[Any, ...]
    variadic: bool


class Signatures:
    """Those of one file. Nothing is read before the first question."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._functions: dict[str, DIE] | None = None
        self._types: dict[int, Any] = {}

    def get(self, name: str) -> Signature | None:
        """A function's signature. None if the file does not say, or has types that ctypes cannot pass. ElfError if its DWARF is malformed."""
        if self._functions is None:
            self._functions = _guard(self.path, self._read)
        found = self._functions.get(name)
        if found is None:
            return None
        try:
            signature: Signature = _guard(self.path, lambda: self._signature(found))
        except Unspeakable:
            return None
        return signature

    def _read(self) -> dict[str, DIE]:
        from elftools.elf.elffile import ELFFile

        with open(self.path, "rb") as file:
            elf = ELFFile(file)
            found: dict[str, DIE] = {}
            if not elf.has_dwarf_info(strict=True):
                return found
            if elf["e_type"] == "ET_REL":
                from miniload.linker.relocatable.debugging import relocated

                file.seek(0)
                elf = relocated(elf, file.read())
            for unit in elf.get_dwarf_info(relocate_dwarf_sections=False).iter_CUs():
                self._read_unit(unit, found)
        return found

    def _read_unit(self, unit: CompileUnit, found: dict[str, DIE]) -> None:
        for entry in unit.get_top_DIE().iter_children():
            if entry.tag != "DW_TAG_subprogram" or "DW_AT_declaration" in entry.attributes:
                continue
            for attribute in ("DW_AT_name", "DW_AT_linkage_name", "DW_AT_MIPS_linkage_name"):
                name = _inherited(entry, attribute)
                if name is not None and ("DW_AT_external" in entry.attributes or _inherited(entry, "DW_AT_external")):
                    found.setdefault(name.decode("utf-8", "replace"), entry)

    def _signature(self, entry: DIE) -> Signature:
        arguments, variadic = [], False
        for child in _parameters(entry):
            if child.tag == "DW_TAG_unspecified_parameters":
                variadic = True
            else:
                arguments.append(self._type_of(child, argument=True))
        return Signature(self._result(entry), tuple(arguments), variadic)

    def _result(self, entry: DIE) -> Any:
        described = _origin(entry, "DW_AT_type")
        return None if described is None else self._type(described.get_DIE_from_attribute("DW_AT_type"))

    def _type_of(self, entry: DIE, argument: bool = False) -> Any:
        described = _origin(entry, "DW_AT_type")
        if described is None:
            return None
        made = self._type(described.get_DIE_from_attribute("DW_AT_type"))
        if argument and isinstance(made, type) and issubclass(made, ctypes.Array):
            item: Any = made._type_
            return ctypes.POINTER(item)
        return made

    def _type(self, entry: DIE) -> Any:
        """The ctypes type; None for void."""
        if entry.offset not in self._types:
            if entry.tag in RECORDS:
                return self._record(entry)
            self._types[entry.offset] = self._make(entry)
        return self._types[entry.offset]

    def _make(self, entry: DIE) -> Any:
        tag = entry.tag
        if tag == "DW_TAG_base_type":
            return _base(entry)
        if tag in QUALIFIERS:
            return self._type_of(entry)
        if tag in POINTERS:
            return self._pointer(entry)
        if tag == "DW_TAG_enumeration_type":
            signed = "DW_AT_type" not in entry.attributes or self._type_of(entry) in (ctypes.c_int8, ctypes.c_int16, ctypes.c_int32, ctypes.c_int64)
            return INTEGERS[signed, _number(entry, "DW_AT_byte_size", 4)]
        if tag == "DW_TAG_array_type":
            return self._array(entry)
        if tag == "DW_TAG_unspecified_type":
            return ctypes.c_void_p  # decltype(nullptr)
        raise Unspeakable(tag)

    def _pointer(self, entry: DIE) -> Any:
        if "DW_AT_type" not in entry.attributes:
            return ctypes.c_void_p
        what, constant = _unqualified(entry.get_DIE_from_attribute("DW_AT_type"))
        if what is None:
            return ctypes.c_void_p
        if what.tag == "DW_TAG_base_type" and _number(what, "DW_AT_encoding", 0) in (SIGNED_CHAR, UNSIGNED_CHAR) and _number(what, "DW_AT_byte_size", 0) == 1:
            plain = what.attributes["DW_AT_name"].value == b"char"
            return ctypes.c_char_p if constant and plain else ctypes.POINTER(ctypes.c_char if plain else _base(what))
        if what.tag == "DW_TAG_subroutine_type":
            return self._callback(what)
        if what.tag in RECORDS and "DW_AT_declaration" in what.attributes:
            return ctypes.c_void_p
        try:
            return ctypes.POINTER(self._type(what))
        except Unspeakable:
            return ctypes.c_void_p

    def _callback(self, entry: DIE) -> Any:
        try:
            signature = self._signature(entry)
        except Unspeakable:
            return ctypes.c_void_p
        return ctypes.c_void_p if signature.variadic else ctypes.CFUNCTYPE(signature.restype, *signature.argtypes)

    def _array(self, entry: DIE) -> Any:
        made = self._type_of(entry)
        for part in reversed([child for child in entry.iter_children() if child.tag == "DW_TAG_subrange_type"]):
            count = _number(part, "DW_AT_count", _number(part, "DW_AT_upper_bound", -1) + 1)
            if not 0 <= count < 1 << 31:
                raise Unspeakable("an array of unknown length")
            made = made * count
        return made

    def _record(self, entry: DIE) -> Any:
        size = _number(entry, "DW_AT_byte_size", -1)
        if size < 0 or _number(entry, "DW_AT_calling_convention", 0) == PASS_BY_REFERENCE:
            raise Unspeakable("an incomplete class, or one that is not passed by value")
        base = ctypes.Union if entry.tag == "DW_TAG_union_type" else ctypes.Structure
        name = entry.attributes["DW_AT_name"].value.decode("utf-8", "replace") if "DW_AT_name" in entry.attributes else "anonymous"
        made = type(name, (base,), {})
        self._types[entry.offset] = made  # before its fields, which may point to it
        parts = [child for child in entry.iter_children() if child.tag in ("DW_TAG_member", "DW_TAG_inheritance")]
        members = [part for part in parts if "DW_AT_external" not in part.attributes]
        try:
            made._fields_ = self._fields(members)  # type: ignore[attr-defined]
            self._check(made, size, members)
        except (Unspeakable, TypeError, ValueError) as wrong:
            del self._types[entry.offset]
            raise Unspeakable(str(wrong)) from None
        return made

    def _fields(self, members: list[DIE]) -> list[tuple[Any, ...]]:
        fields: list[tuple[Any, ...]] = []
        for number, member in enumerate(members):
            name = member.attributes["DW_AT_name"].value.decode() if "DW_AT_name" in member.attributes else f"_{number}"
            bits = _number(member, "DW_AT_bit_size", 0)
            fields.append((name, self._type_of(member), bits) if bits else (name, self._type_of(member)))
        return fields

    @staticmethod
    def _check(made: Any, size: int, members: list[DIE]) -> None:
        """ctypes lays C's structures out as C does; packed and over-aligned ones it would get wrong."""
        if ctypes.sizeof(made) != size:
            raise Unspeakable("its layout is not the usual one")
        for field, member in zip(made._fields_, members, strict=True):
            if len(field) == 2 and getattr(made, field[0]).offset != _number(member, "DW_AT_data_member_location", 0):
                raise Unspeakable("its layout is not the usual one")


def _guard(path: str, work: Any) -> Any:
    """Runs what reads DWARF, which is not to be trusted: pyelftools raises what comes."""
    try:
        return work()
    except (Unspeakable, OSError):
        raise
    except Exception as wrong:
        raise ElfError(path, f"its DWARF is malformed: {wrong}", field=".debug_info") from wrong


def _base(entry: DIE) -> Any:
    encoding, size = _number(entry, "DW_AT_encoding", 0), _number(entry, "DW_AT_byte_size", 0)
    if encoding == BOOLEAN and size == 1:
        return ctypes.c_bool
    if encoding == FLOAT and size in FLOATS:
        return FLOATS[size]
    if encoding in (SIGNED_CHAR, UNSIGNED_CHAR) and entry.attributes["DW_AT_name"].value == b"char":
        return ctypes.c_char
    made = INTEGERS.get((encoding in (SIGNED, SIGNED_CHAR), size)) if encoding in (SIGNED, SIGNED_CHAR, UNSIGNED, UNSIGNED_CHAR, UTF, BOOLEAN) else None
    if made is None:
        raise Unspeakable(f"encoding {encoding} of {size} bytes")
    return made


def _unqualified(entry: DIE) -> tuple[DIE | None, bool]:
    """A type without typedefs and qualifiers, None for void, and whether it was const."""
    constant = False
    while entry.tag in QUALIFIERS:
        constant |= entry.tag == "DW_TAG_const_type"
        if "DW_AT_type" not in entry.attributes:
            return None, constant
        entry = entry.get_DIE_from_attribute("DW_AT_type")
    return entry, constant


def _number(entry: DIE, attribute: str, default: int) -> int:
    found = entry.attributes.get(attribute)
    return found.value if found is not None and isinstance(found.value, int) else default


def _origin(entry: DIE, attribute: str) -> DIE | None:
    """The entry itself or the one that it completes (DW_AT_abstract_origin, DW_AT_specification), whichever has the attribute."""
    for _ in range(8):
        if attribute in entry.attributes:
            return entry
        link = next((link for link in ("DW_AT_abstract_origin", "DW_AT_specification") if link in entry.attributes), None)
        if link is None:
            return None
        entry = entry.get_DIE_from_attribute(link)
    return None


def _inherited(entry: DIE, attribute: str) -> Any:
    found = _origin(entry, attribute)
    return None if found is None else found.attributes[attribute].value


def _parameters(entry: DIE) -> list[DIE]:
    """Of the entry, or of the one that it completes if that alone has any."""
    for _ in range(8):
        found = [child for child in entry.iter_children() if child.tag in ("DW_TAG_formal_parameter", "DW_TAG_unspecified_parameters")]
        link = next((link for link in ("DW_AT_abstract_origin", "DW_AT_specification") if link in entry.attributes), None)
        if found or link is None:
            return found
        entry = entry.get_DIE_from_attribute(link)
    return []


class DescribedLibrary(Library):
    """A Library whose functions have the argtypes and the restype that the file's DWARF says. Where it says nothing they are as without."""

    def __init__(self, loader: Loader, loaded: Object) -> None:
        super().__init__(loader, loaded)
        try:
            self.signatures = self._signatures_of(loaded)
        except BaseException:
            self.close()
            raise

    @staticmethod
    def _signatures_of(loaded: Object) -> Signatures:
        if loaded.path is None:
            raise UnsupportedError(loaded.name, "signatures are read from a file, and it was not loaded from one", field="signatures")
        return Signatures(loaded.path)

    def __getitem__(self, name: str) -> Any:
        function = super().__getitem__(name)
        signature = self.signatures.get(name)
        if signature is not None:
            function.argtypes, function.restype = signature.argtypes, signature.restype
        return function

    def _take(self, loaded: Object) -> None:
        super()._take(loaded)
        self.signatures = self._signatures_of(loaded)
