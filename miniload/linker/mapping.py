"""Mapping an image into an address space, as ld.so maps one (glibc 2.42 elf/dl-map-segments.h), and taking it out again."""

from __future__ import annotations

from miniload.linker.core import CSegment
from miniload.linker.image import Image
from miniload.space import MAP_ANONYMOUS, MAP_FIXED, MAP_NORESERVE, MAP_PRIVATE, PROT_READ, PROT_WRITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.space import AddressSpace

PROTECTIONS = (0, 4, 2, 6, 1, 5, 3, 7)
"""PF_* to PROT_*."""
FIXED = MAP_PRIVATE | MAP_FIXED


def map_image(image: Image, space: AddressSpace, address: int = 0) -> int:
    """Maps the segments, with their final protections, and returns the load bias. `address`: where it should start, if there is room; 0: anywhere.

    File parts are mapped from the file where it is one, else copied. OSError as the space raises it, and then nothing is left mapped.
    """
    raw = image.raw
    size = raw.high - raw.low
    if raw.align <= space.page_size and image.fd >= 0 and raw.segments[0].file_size:
        first = raw.segments[0]
        start = space.map(address, size, PROTECTIONS[first.flags], MAP_PRIVATE, image.fd, first.offset & -space.page_size)
        done = 1
    else:
        start = _reserve(space, size, max(raw.align, space.page_size), raw.low, address)
        done = 0
    bias: int = start - raw.low
    try:
        _map_segments(image, space, bias, done)
    except BaseException:
        space.unmap(start, size)
        raise
    return bias


def _reserve(space: AddressSpace, size: int, align: int, low: int, hint: int) -> int:
    """Address space for the image, at a bias that is a multiple of `align`."""
    flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    if align <= space.page_size:
        return space.map(hint, size, 0, flags)
    whole = size + align
    got = space.map(hint, whole, 0, flags)
    start = got + (low - got) % align
    if start > got:
        space.unmap(got, start - got)
    if got + whole > start + size:
        space.unmap(start + size, got + whole - start - size)
    return start


def _map_segments(image: Image, space: AddressSpace, bias: int, done: int) -> None:
    page, raw = space.page_size, image.raw
    end = raw.low
    for index in range(raw.segment_count):
        segment = raw.segments[index]
        start = segment.address & -page
        if start > end and done:  # the whole was mapped from the file: what lies between segments is nobody's
            space.protect(bias + end, start - end, 0)
        end = _map_segment(image, space, bias, segment, index < done)


def _map_segment(image: Image, space: AddressSpace, bias: int, segment: CSegment, mapped: bool) -> int:
    """One segment; the link address of its end, rounded up to pages."""
    end: int
    page, protection = space.page_size, PROTECTIONS[segment.flags]
    address, file_size, size = segment.address, segment.file_size, segment.size
    start, file_end, memory_end = address & -page, address + file_size, address + size
    pages_end, end = file_end + page - 1 & -page, memory_end + page - 1 & -page
    if not segment.file_size:
        pages_end = start
    if image.fd < 0:
        _copy_segment(image, space, bias, segment, start, end)
        return end
    if pages_end > start and not mapped:
        space.map(bias + start, pages_end - start, protection, FIXED, image.fd, segment.offset & -page)
    if memory_end > file_end and pages_end > file_end and segment.file_size:
        _clear(space, bias + file_end, min(pages_end, memory_end) - file_end, protection)
    if end > pages_end:
        space.map(bias + pages_end, end - pages_end, protection, FIXED | MAP_ANONYMOUS)
    return end


def _copy_segment(image: Image, space: AddressSpace, bias: int, segment: CSegment, start: int, end: int) -> None:
    protection = PROTECTIONS[segment.flags]
    skipped = segment.address - start
    data = image.source.read(segment.offset - skipped, segment.file_size + skipped) if segment.file_size else b""
    if len(data) != (segment.file_size + skipped if segment.file_size else 0):
        from miniload.errors import ElfError

        raise ElfError(image.name, "the segment lies outside the file", field=f"phdr {segment.index} p_offset", value=segment.offset)
    space.map(bias + start, end - start, PROT_READ | PROT_WRITE, FIXED | MAP_ANONYMOUS)
    space.write(bias + start, data)
    if protection != PROT_READ | PROT_WRITE:
        space.protect(bias + start, end - start, protection)


def _clear(space: AddressSpace, address: int, size: int, protection: int) -> None:
    """Zeros the rest of a page that the file's part ends in."""
    if protection & PROT_WRITE:
        space.write(address, bytes(size))
        return
    start = address & -space.page_size
    space.protect(start, space.page_size, PROT_READ | PROT_WRITE)
    space.write(address, bytes(size))
    space.protect(start, space.page_size, protection)
