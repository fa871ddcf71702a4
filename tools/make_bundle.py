"""Puts the compiled modules of the run path into one file, which bin/miniload-run imports from: looking for sixty files costs more than half of what
importing them does.

    python tools/make_bundle.py PACKAGE_DIR OUTPUT

The file is for the very Python version that made it; another one ignores it. setup.py makes one for each ordinary install, none for an editable one.
"""

from __future__ import annotations

import ast
import marshal
import sys
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from types import CodeType

LEFT_OUT = ("__main__", "explain", "pack", "run", "native/launch", "flags", "choices", "ioctls", "symbolic")
"""Modules that start-up does not need, or not often; nor does it need the library."""


def modules_of(package: Path) -> dict[str, tuple[bool, bytes]]:
    """Name to (is a package, marshalled code), without docstrings."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        if path.stem in LEFT_OUT or parts[1:2] == ("linker",):
            continue
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        code = compiled(path.read_bytes(), str(path.relative_to(package.parent)))
        found[name] = is_package, marshal.dumps(code)
    return found


def compiled(source: bytes, name: str) -> CodeType:
    """Without docstrings, and with `from __future__ import annotations` as a flag: the statement would import a module."""
    tree = ast.parse(source, name)
    tree.body = [node for node in tree.body if not (isinstance(node, ast.ImportFrom) and node.module == "__future__")]
    return compile(tree, name, "exec", flags=annotations.compiler_flag, dont_inherit=True, optimize=2)


def make_bundle(package: Path, output: Path) -> None:
    """Writes the bundle of the package in that directory."""
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(marshal.dumps((MAGIC_NUMBER, modules_of(package))))


if __name__ == "__main__":
    make_bundle(Path(sys.argv[1]), Path(sys.argv[2]))
