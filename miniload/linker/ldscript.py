"""Text files that stand for libraries: the small part of GNU ld's script language in which a libfoo.so says what it stands for ("Commands Dealing with
Files" of its manual). ld.so knows none of it, so a name for the link editor can be loaded, too."""

from __future__ import annotations

MAX_SIZE = 1 << 16


def script_members(data: bytes) -> list[str] | None:
    """The names that INPUT and GROUP list, in order, as they stand there: paths, file names, -lNAME. None if the file is no such script.

    What is in AS_NEEDED is left out: nothing is known of what needs it.
    """
    if len(data) > MAX_SIZE or b"\0" in data:
        return None
    tokens = _tokens(data.decode("utf-8", "surrogateescape"))
    members: list[str] = []
    found, at = False, 0
    while at + 1 < len(tokens):
        if tokens[at + 1] != "(":
            at += 1
            continue
        end = _closing(tokens, at + 1)
        if tokens[at] in ("INPUT", "GROUP"):
            found = True
            members += _listed(tokens[at + 2 : end])
        at = end + 1
    return members if found else None


def _tokens(text: str) -> list[str]:
    while "/*" in text:
        before, _, rest = text.partition("/*")
        text = before + " " + rest.partition("*/")[2]
    for mark in "(),;":
        text = text.replace(mark, " " if mark in ",;" else f" {mark} ")
    return [word.strip('"') for word in text.split()]


def _closing(tokens: list[str], opening: int) -> int:
    """Where the parenthesis is closed; the end, if it is not."""
    depth = 0
    for at in range(opening, len(tokens)):
        depth += (tokens[at] == "(") - (tokens[at] == ")")
        if not depth:
            return at
    return len(tokens)


def _listed(tokens: list[str]) -> list[str]:
    names: list[str] = []
    at = 0
    while at < len(tokens):
        if tokens[at] == "AS_NEEDED" and tokens[at + 1 : at + 2] == ["("]:
            at = _closing(tokens, at + 1)
        elif tokens[at] not in "()":
            names.append(tokens[at])
        at += 1
    return names
