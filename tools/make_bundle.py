"""Puts the compiled modules of the run path into one file, which bin/miniload-run imports from: looking for sixty files costs more than half of what
importing them does.

    python -X no_debug_ranges tools/make_bundle.py PACKAGE_DIR OUTPUT

The file has a section for each module that start-up begins with (ROOTS), with all that it imports in turn and no earlier section has, in the order in which
Python would execute them; every other module has a section of its own. So one read and one unmarshal serve many modules, and what is not needed is not
read. miniload/bundle.py reads it.

The file is for the very Python version that made it; another one ignores it. setup.py makes one for each ordinary install, none for an editable one.
"""

from __future__ import annotations

import ast
import marshal
import sys
from _imp import is_frozen
from importlib import import_module
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from types import CodeType

LEFT_OUT = ("__main__", "explain", "pack", "run", "flags", "choices", "ioctls", "symbolic")
"""Modules that start-up does not need, or not often; nor does it need the library."""
ROOTS = (
    "start", "cli", "plan.program", "plan.machine", "plan.build", "native.launch", "vcpu.arch", "vcpu.core", "linux.arch", "linux.choose", "linux.exec",
    "linux.loop", "linux.processes", "arch.aarch64.guest", "arch.riscv64.guest", "arch.x86_64.guest",
)  # fmt: skip
"""Modules that a start imports where it has found out that it needs them, in this order."""
HALVES = {"struct": "_struct", "bisect": "_bisect", "stat": "_stat", "os": "posix"}
"""Modules of the standard library that hand on what is in one written in C."""
LIGHT_OS = "miniload.lightos"
HEAD = 16
"""Bytes before the importer and the index: MAGIC_NUMBER, and how long those are."""


class Module:
    """One module: its name, code, and what it imports of the package as it is executed."""

    def __init__(self, name: str, is_package: bool, tree: ast.Module, path: str) -> None:
        self.name = name
        self.is_package = is_package
        self.imports = list(imports_of(tree))
        self.code = compiled(tree, path)


def imports_of(tree: ast.Module) -> list[str]:
    """Names that the module's own statements import, of modules or of what is in them; not those in functions."""
    names: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [name for alias in node.names for name in (node.module, f"{node.module}.{alias.name}")]
    return names


class Leaner(ast.NodeTransformer):
    """Takes out what only type checkers read: blocks for them, and what functions say of their arguments. Classes keep it (miniload/record.py). What a module
    of the standard library has from its part in C is imported from there, without looking for the other part; so it is with `os`, in effect."""

    used: set[tuple[str, str]]
    """Of the present module: names, and attributes of theirs that are asked for."""

    def visit_Module(self, node: ast.Module) -> ast.AST:
        self.used = {(name.value.id, name.attr) for name in ast.walk(node) if isinstance(name, ast.Attribute) and isinstance(name.value, ast.Name)}
        return self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> ast.AST:
        if [alias.asname for alias in node.names] != [None]:
            return node
        module = node.names[0].name
        if module == "os" and is_frozen("os"):  # so that the rest can be had without a descriptor
            return ast.ImportFrom(LIGHT_OS, [ast.alias("os")], 0)
        used = [attribute for name, attribute in self.used if name == module]
        if module in HALVES and self.has_same(module, used):
            node.names[0] = ast.alias(HALVES[module], module)
        return node

    def has_same(self, module: str, names: list[str]) -> bool:
        """Whether these names mean the same in the part in C."""
        outer, part = import_module(module), import_module(HALVES[module])
        return all(getattr(part, name, None) is getattr(outer, name) for name in names)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        if node.module in HALVES and self.has_same(node.module, [alias.name for alias in node.names]):
            node.module = HALVES[node.module]
        return node

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        return node.orelse if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING" else node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.returns = None
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node


def compiled(tree: ast.Module, path: str) -> CodeType:
    """Without docstrings, and with `from __future__ import annotations` as a flag: the statement would import a module."""
    tree.body = [node for node in tree.body if not (isinstance(node, ast.ImportFrom) and node.module == "__future__")]
    # Optimised first: without a docstring a body may be empty, which no tree may be.
    return compile(ast.fix_missing_locations(tree), path, "exec", flags=annotations.compiler_flag, dont_inherit=True, optimize=2)


def read_modules(package: Path) -> dict[str, Module]:
    """All modules that go into the bundle, by name."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        if path.stem in LEFT_OUT or parts[1:2] == ("linker",):
            continue
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        tree = ast.parse(path.read_bytes(), str(path))
        tree = tree if name == LIGHT_OS else Leaner().visit(tree)
        found[name] = Module(name, is_package, tree, str(path.relative_to(package.parent)))
    return found


def closure(modules: dict[str, Module], root: str, done: set[str]) -> list[str]:
    """The root and what importing it imports, each after what it needs itself, but a package before; without those in `done`, to which they are added."""
    if root not in modules or root in done:
        return []
    done.add(root)
    above, own = closure(modules, root.rpartition(".")[0], done), [root]
    needed = [name for other in modules[root].imports for name in closure(modules, other, done)]
    return above + (own + needed if modules[root].is_package else needed + own)


def make_bundle(package: Path, output: Path) -> None:
    """Writes the bundle of the package in that directory."""
    modules = read_modules(package)
    done: set[str] = set()
    roots = [*(f"{package.name}.{name}" for name in ROOTS), *modules]
    groups = {root: group for root in roots if (group := closure(modules, root, done))}
    index: dict[str, tuple[bool, bool, int, int]] = {}
    sections = b""
    for root, group in groups.items():
        section = marshal.dumps([(name, modules[name].code) for name in group])
        for name in group:
            index[name] = modules[name].is_package, name == root and root in roots[: len(ROOTS)], len(sections), len(section)
        sections += section
    first = marshal.dumps((modules[f"{package.name}.bundle"].code, index, len(sections)))
    head = MAGIC_NUMBER.ljust(HEAD // 2, b"\0") + len(first).to_bytes(HEAD // 2, "little")
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(head + first + sections)


if __name__ == "__main__":
    make_bundle(Path(sys.argv[1]), Path(sys.argv[2]))
