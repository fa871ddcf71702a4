"""Makes a test sysroot and prints its path: `python tests/foreign/fetch_sysroot.py arm64 [GROUP...]`; the architecture by Debian's or the kernel's name."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from foreign.sysroot import DEFAULT, GROUPS, RELEASES, Unavailable, sysroot


def main() -> int:
    """Exit status 1 with the reason on stderr if the sysroot cannot be made here."""
    names = {**{arch: arch for arch in RELEASES}, **{release.architecture: arch for arch, release in RELEASES.items()}}
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("architecture", choices=sorted(names))
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}; default: {' '.join(DEFAULT)}")
    arguments = parser.parse_args()
    if not set(arguments.groups) <= set(GROUPS):
        parser.error(f"groups are {', '.join(GROUPS)}")
    try:
        print(sysroot(names[arguments.architecture], arguments.groups or DEFAULT))
    except Unavailable as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
