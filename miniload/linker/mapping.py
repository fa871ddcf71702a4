"""Mapping an image into an address space, as ld.so maps one, and taking it out again. The steps are the core's (plan.c); here they are carried out."""

from __future__ import annotations

import os
from ctypes import addressof, byref, c_uint64

from miniload.errors import ElfError
from miniload.linker import core
from miniload.space import MAP_ANONYMOUS, MAP_FIXED, MAP_NORESERVE, MAP_PRIVATE, PROT_READ, PROT_WRITE
from miniload.space.native import NativeSpace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from miniload.linker.image import Image
    from miniload.space import AddressSpace

PROTECTIONS = (0, 4, 2, 6, 1, 5, 3, 7)
"""PF_* to PROT_*."""
FIXED = MAP_PRIVATE | MAP_FIXED


def map_image(image: Image, space: AddressSpace, address: int = 0) -> int:
    """Maps the segments, with their final protections, and returns the load bias. `address`: where it should start, if there is room; 0: anywhere.

    File parts are mapped from the file where it is one, else copied. OSError as the space raises it, and then nothing is left mapped.
    """
    raw, page = image.raw, space.page_size
    low: int = raw.low
    if image.fd >= 0 and isinstance(space, NativeSpace):
        start = c_uint64(address)
        code = core.map_here(addressof(raw), image.fd, page, byref(start))
        if code:
            raise OSError(-code, os.strerror(-code), image.name)
        return start.value - low
    first = raw.segments[0]
    whole = image.fd >= 0 and bool(core.maps_whole(addressof(raw), page))
    if whole:
        at = space.map(address, image.size, PROTECTIONS[first.flags], MAP_PRIVATE, image.fd, first.offset & -page)
    else:
        at = _reserve(space, image.size, max(raw.align, page), low, address)
    steps = (core.Step * core.STEPS_MAX)()
    count = core.plan(addressof(raw), page, whole, steps)
    try:
        for index in range(count):
            _carry_out(image, space, at - low, steps[index])
    except BaseException:
        space.unmap(at, image.size)
        raise
    return at - low


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


def _carry_out(image: Image, space: AddressSpace, bias: int, step: core.Step) -> None:
    at, size, protection = bias + step.address, step.size, step.protection
    if step.kind == core.STEP_FILE and image.fd >= 0:
        space.map(at, size, protection, FIXED, image.fd, step.offset)
    elif step.kind == core.STEP_FILE:
        _copy(image, space, at, size, protection, step.offset)
    elif step.kind == core.STEP_ZERO:
        space.map(at, size, protection, FIXED | MAP_ANONYMOUS)
    elif step.kind == core.STEP_PROTECT:
        space.protect(at, size, protection)
    else:
        space.write(at, bytes(size))


def _copy(image: Image, space: AddressSpace, at: int, size: int, protection: int, offset: int) -> None:
    """Pages whose bytes are not in a file that could be mapped. What is beyond the end reads as zeros, as in the last page of a file."""
    data = image.source.read(offset, size)
    if len(data) <= size - space.page_size:
        raise ElfError(image.name, "a segment lies outside the file", field="p_offset", value=offset)
    space.map(at, size, PROT_READ | PROT_WRITE, FIXED | MAP_ANONYMOUS)
    space.write(at, data)
    if protection != PROT_READ | PROT_WRITE:
        space.protect(at, size, protection)
