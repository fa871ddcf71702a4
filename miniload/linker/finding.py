"""What looking for an object's file asks of an architecture: arch/<name>/finding.py has the answers, as FINDING."""

from __future__ import annotations

from miniload.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Finding(Record):
    """`directories`: where a distribution may have its C library, without the slash in front; the one that has it is $LIB, and what ld.so looks in.
    `cache_flags`: of the entries of /etc/ld.so.cache that are for the architecture. `levels()`: glibc-hwcaps subdirectories for this
    very machine, best first. `platform(auxv's)`: $PLATFORM, which may be another than the kernel's AT_PLATFORM."""

    directories: tuple[str, ...]
    cache_flags: int
    levels: Callable[[], tuple[str, ...]]
    platform: Callable[[str | None], str | None]


def get_finding(name: str) -> Finding:
    """The facts of the architecture of that name."""
    finding: Finding = __import__(f"miniload.arch.{name}.finding", fromlist=["FINDING"]).FINDING
    return finding


def no_levels() -> tuple[str, ...]:
    """glibc 2.42 knows no subdirectories for the architecture."""
    return ()


def platform_of_kernel(platform: str | None) -> str | None:
    """glibc takes what the kernel says."""
    return platform
