"""The command line: options, their environment forms, PATH, exit statuses, messages.

Expected environments come from env(1), expected searches from execvp(3) through env(1), expected statuses from the convention that
env(1), nice(1) and their like share: 125 the command itself failed, 126 found but cannot be run, 127 not found.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest
from elfbuilder import ET_REL, PT_NOTE, TEXT, standard_elf, standard_pie
from observe import AT_BASE, AT_ENTRY, bare_execve, stopped
from support import MINILOAD, outcome

import miniload

if TYPE_CHECKING:
    from pathlib import Path

ENV = "/usr/bin/env"
AT_HWCAP2, AT_SECURE, AT_NEW = 26, 23, 0x7777


def said(status: int, *arguments: str | bytes, env: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    """What the command says on stderr: one line, "miniload: ..."; it ends with `status` and has nothing on stdout."""
    done = outcome([*map(os.fsencode, (*MINILOAD, *arguments))], env=env, cwd=cwd)
    assert done[:2] == (status, b""), done
    line = done[2].decode("utf-8")
    assert line.startswith("miniload: ")
    assert line.endswith("\n")
    assert line.count("\n") == 1
    return line[len("miniload: ") : -1]


# Exit statuses and messages.

USAGE_ERRORS: dict[str, tuple[list[str], str]] = {
    "no program": ([], "no program given"),
    "no program after an option": (["--no-aslr"], "no program given"),
    "no program after --": (["--"], "no program given"),
    "unknown long option": (["--nonsense", "/bin/true"], "--nonsense: unknown option"),
    "unknown short option": (["-x", "/bin/true"], "-x: unknown option"),
    "long option with a value it has not": (["--no-aslr=1", "/bin/true"], "--no-aslr=1: unknown option"),
    "-E without a value": (["-E"], "-E: needs a value"),
    "-U without a value": (["-U"], "-U: needs a value"),
    "-0 without a value": (["-0"], "-0: needs a value"),
    "--argv0 without a value": (["--argv0"], "--argv0: needs a value"),
    "--interp without a value": (["--interp"], "--interp: needs a value"),
    "--auxv without a value": (["--auxv"], "--auxv: needs a value"),
    "--pack without a value": (["--pack"], "--pack: needs a value"),
    "-E without equals sign": (["-E", "NAME", "/bin/true"], "-E"),
    "-E without a name": (["-E", "=value", "/bin/true"], "-E"),
    "--env without equals sign": (["--env", "NAME", "/bin/true"], "--env"),
    "--auxv without equals sign": (["--auxv", "HWCAP", "/bin/true"], "--auxv"),
    "--auxv of unknown name": (["--auxv", "NONSENSE=1", "/bin/true"], "--auxv"),
    "--auxv with a value that is no number": (["--auxv", "HWCAP=many", "/bin/true"], "--auxv"),
    "--auxv with a value of 65 bits": (["--auxv", f"HWCAP={1 << 64:#x}", "/bin/true"], "--auxv"),
    "--auxv with a negative value": (["--auxv", "HWCAP=-1", "/bin/true"], "--auxv"),
    "--auxv of AT_NULL": (["--auxv", "0=1", "/bin/true"], "--auxv"),
}


@pytest.mark.parametrize(("arguments", "start"), USAGE_ERRORS.values(), ids=USAGE_ERRORS.keys())
def test_usage_error(arguments: list[str], start: str) -> None:
    """125, and the line starts with the option that is wrong."""
    assert said(125, *arguments).startswith(start)


def test_status_is_the_programs() -> None:
    for status in (0, 1, 42, 125, 126, 127, 255):
        assert outcome([*MINILOAD, "/bin/sh", "-c", f"exit {status}"]) == (status, b"", b"")


def test_signal_is_the_programs() -> None:
    assert outcome([*MINILOAD, "/bin/sh", "-c", "kill -TERM $$"]) == (-15, b"", b"")


def test_not_found() -> None:
    assert said(127, "/nonexistent/program") == "/nonexistent/program: no such file or directory"


def test_below_a_file() -> None:
    assert said(127, "/etc/passwd/program") == "/etc/passwd/program: not a directory"


def test_directory() -> None:
    assert said(126, "/etc") == "/etc: is a directory"


def test_not_executable() -> None:
    line = said(126, "/etc/passwd")
    assert line.startswith("/etc/passwd: ")
    assert "not executable" in line


def test_missing_interpreter_names_both(tmp_path: Path) -> None:
    path = standard_pie().with_interp(b"/nonexistent/ld.so").write(tmp_path / "program")
    line = said(127, str(path))
    assert line.startswith(f"{path}: ")
    assert "PT_INTERP" in line
    assert "/nonexistent/ld.so" in line


def test_missing_script_interpreter_names_both(tmp_path: Path) -> None:
    path = tmp_path / "script"
    path.write_bytes(b"#!/nonexistent/sh\n")
    path.chmod(0o755)
    line = said(127, str(path))
    assert line.startswith(f"{path}: ")
    assert "/nonexistent/sh" in line


DEFECTS = {
    "e_type": (replace(standard_elf(), type=ET_REL), "e_type 0x1"),
    "e_machine": (replace(standard_elf(), machine=0xFFFF), "e_machine 0xffff"),
    "e_phentsize": (replace(standard_elf(), phentsize=57), "e_phentsize 0x39"),
    "e_phnum": (replace(standard_elf(), phnum=0), "e_phnum 0x0"),
    "e_phoff": (replace(standard_elf(), phoff=1 << 32), "e_phoff 0x100000000"),
    "e_entry": (replace(standard_elf(), entry=1 << 63), "e_entry 0x8000000000000000"),
    "e_ident": (standard_elf().with_ident(1, 0), "e_ident"),
    "no PT_LOAD": (standard_elf().with_phdr(0, type=PT_NOTE), "no PT_LOAD"),
    "p_vaddr": (standard_elf().with_phdr(0, vaddr=1 << 63), "phdr 0 p_vaddr 0x8000000000000000"),
    "p_filesz": (standard_elf().with_phdr(0, memsz=16), "phdr 0 p_filesz 0x1000"),
    "p_memsz": (standard_elf().with_phdr(0, memsz=1 << 63), "phdr 0 p_memsz 0x8000000000000000"),
    "p_offset": (standard_elf().with_phdr(0, offset=0x1001, filesz=16), "phdr 0 p_offset 0x1001"),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_message_names_file_field_and_value(name: str, tmp_path: Path) -> None:
    elf, field = DEFECTS[name]
    path = elf.write(tmp_path / "program")
    file, what, reason = said(126, str(path)).split(": ", 2)
    assert file == str(path)
    assert field in f"{what}: {reason}"
    assert len(reason) > 5


def test_message_is_one_line_whatever_the_name(tmp_path: Path) -> None:
    """A newline or other bytes in a file's name do not make a second line or break the encoding."""
    path = os.fsencode(tmp_path) + b"/a\nb\xff"
    assert r"a\nb\xff" in said(127, path)


@pytest.mark.parametrize("option", ["--version", "-version"])
def test_version(option: str) -> None:
    assert outcome([*MINILOAD, option]) == (0, f"miniload {miniload.__version__}\n".encode(), b"")


@pytest.mark.parametrize("option", ["-h", "-help", "--help"])
def test_help(option: str) -> None:
    """On stdout, status 0, and every option of the design is in it."""
    status, stdout, stderr = outcome([*MINILOAD, option])
    assert (status, stderr) == (0, b"")
    for word in (b"-E", b"-U", b"-0", b"--argv0", b"--interp", b"--auxv", b"--no-aslr", b"--ignore-setid", b"--explain", b"--pack", b"--version"):
        assert word in stdout


def test_nothing_is_said_on_success() -> None:
    assert outcome([*MINILOAD, "/bin/true"]) == (0, b"", b"")


# Options end where the program begins.


def test_options_behind_the_program_are_the_programs() -> None:
    words = ["-E", "A=b", "--version", "-h", "--", "--no-aslr"]
    assert outcome([*MINILOAD, "/bin/echo", *words]) == outcome(["/bin/echo", *words])


def test_double_dash_ends_options(tmp_path: Path) -> None:
    assert outcome([*MINILOAD, "--", "/bin/echo", "-x"]) == (0, b"-x\n", b"")
    assert said(127, "--", "-nonexistent") == "-nonexistent: not found in PATH"


def test_double_dash_after_options() -> None:
    assert outcome([*MINILOAD, "--no-aslr", "--", "/bin/echo", "--"]) == outcome(["/bin/echo", "--"])


def test_single_dash_is_a_program() -> None:
    assert said(127, "-") == "-: not found in PATH"


def test_equals_form_of_long_options() -> None:
    command = ["/bin/sh", "-c", 'printf %s "$0"']
    assert outcome([*MINILOAD, "--argv0=name=x", *command]) == (0, b"name=x", b"")


# PATH.


def programs(tmp_path: Path) -> dict[str, str]:
    """Directories with what a search may meet. `tool` prints in which one it was found."""
    for name, mode in (("one", 0o755), ("two", 0o755), ("plain", 0o644)):
        directory = tmp_path / name
        directory.mkdir()
        tool = directory / "tool"
        tool.write_text(f"#!/bin/sh\necho {name}\n")
        tool.chmod(mode)
    (tmp_path / "folder" / "tool").mkdir(parents=True)
    (tmp_path / "dangling").mkdir()
    (tmp_path / "dangling" / "tool").symlink_to("nowhere")
    (tmp_path / "file").touch()
    return {name: str(tmp_path / name) for name in ("one", "two", "plain", "folder", "dangling", "file", "missing")}


SEARCHES = {
    "first": "one:two",
    "second": "missing:two",
    "not executable before": "plain:one",
    "directory of that name before": "folder:one",
    "dangling link before": "dangling:one",
    "file instead of a directory before": "file:one",
    "only not executable": "plain",
    "only a directory of that name": "folder",
    "only missing": "missing",
    "not executable, then missing": "plain:missing",
    "empty element first": ":two",
    "empty element last": "missing:",
    "empty element in the middle": "missing::two",
    "empty PATH": "",
    "relative": "RELATIVE",
}


@pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES.keys())
def test_path_search(search: str, tmp_path: Path) -> None:
    """The same file as execvp finds, the same status as env(1) ends with. The current directory is `one`."""
    names = programs(tmp_path)
    path = ":".join("../two" if part == "RELATIVE" else names.get(part, part) for part in search.split(":"))
    env = {"PATH": path}
    real = outcome([ENV, "tool"], env=env, cwd=tmp_path / "one")
    ours = outcome([*MINILOAD, "tool"], env=env, cwd=tmp_path / "one")
    assert ours[:2] == real[:2], (ours, real)
    if real[0]:
        assert ours[2].startswith(b"miniload: tool: ")


def test_path_of_the_edited_environment(tmp_path: Path) -> None:
    """env PATH=... tool searches the new PATH, and so does -E."""
    names = programs(tmp_path)
    env = {"PATH": names["one"]}
    real = outcome([ENV, f"PATH={names['two']}", "tool"], env=env)
    assert outcome([*MINILOAD, "-E", f"PATH={names['two']}", "tool"], env=env) == real == (0, b"two\n", b"")


def test_unset_path() -> None:
    """execvp then looks into /bin and /usr/bin."""
    assert outcome([*MINILOAD, "true"], env={}) == outcome([ENV, "true"], env={}) == (0, b"", b"")
    assert said(127, "no-such-program-anywhere", env={}) == "no-such-program-anywhere: not found in PATH"


def test_empty_name() -> None:
    assert "not found" in said(127, "")


def test_name_with_slash_is_not_searched(tmp_path: Path) -> None:
    names = programs(tmp_path)
    assert said(127, "./tool", env={"PATH": names["one"]}, cwd=tmp_path) == "./tool: no such file or directory"
    assert outcome([*MINILOAD, "one/tool"], env={}, cwd=tmp_path) == (0, b"one\n", b"")


# The environment.

INITIAL = {"A": "1", "B": "2", "C": "3", "EMPTY": "", "Q": 'a "b" c'}

ENVIRONMENTS: dict[str, tuple[list[str], list[str]]] = {
    "unchanged": ([], []),
    "new": (["-E", "N=x"], ["N=x"]),
    "two new": (["-E", "N=x", "-E", "M=y"], ["N=x", "M=y"]),
    "changed in its place": (["-E", "B=new"], ["B=new"]),
    "set twice: the last": (["-E", "N=1", "-E", "M=1", "-E", "N=2"], ["N=1", "M=1", "N=2"]),
    "set to nothing": (["-E", "N="], ["N="]),
    "value with equals sign": (["-E", "N=a=b"], ["N=a=b"]),
    "value with blanks": (["-E", "N=a b  c"], ["N=a b  c"]),
    "removed": (["-U", "B"], ["-u", "B"]),
    "first removed": (["-U", "A"], ["-u", "A"]),
    "several removed": (["-U", "A", "-U", "C"], ["-u", "A", "-u", "C"]),
    "removed that was not there": (["-U", "NOTHING"], ["-u", "NOTHING"]),
    "removed and set: set, at the end": (["-U", "A", "-E", "A=9"], ["-u", "A", "A=9"]),
    "bytes that are no text": (["-E", "N=\udcff\udcfe"], ["N=\udcff\udcfe"]),
    "--env": (["--env", "N=a,b=c"], ["N=a,b=c"]),
}


@pytest.mark.parametrize(("ours", "theirs"), ENVIRONMENTS.values(), ids=ENVIRONMENTS.keys())
def test_environment_is_as_from_env(ours: list[str], theirs: list[str]) -> None:
    """The environment, in order, that env(1) makes of the same wishes."""
    real = outcome([ENV, *theirs, ENV, "-0"], env=INITIAL)
    assert outcome([*MINILOAD, *ours, ENV, "-0"], env=INITIAL) == real


def test_several_settings_in_one_word() -> None:
    """-E A=1,B=2 as qemu-user has it; so has -U."""
    real = outcome([ENV, "-u", "A", "-u", "B", "X=1", "Y=2", ENV, "-0"], env=INITIAL)
    assert outcome([*MINILOAD, "-U", "A,B", "-E", "X=1,Y=2", ENV, "-0"], env=INITIAL) == real


@pytest.mark.parametrize("prefix", ["MINILOAD", "QEMU"])
def test_environment_forms_of_e_and_u(prefix: str) -> None:
    """PREFIX_SET_ENV and PREFIX_UNSET_ENV; the program sees them too, as it does under qemu-user."""
    env = {**INITIAL, f"{prefix}_SET_ENV": "X=1,Y=2", f"{prefix}_UNSET_ENV": "A,B"}
    real = outcome([ENV, "-u", "A", "-u", "B", "X=1", "Y=2", ENV, "-0"], env=env)
    assert outcome([*MINILOAD, ENV, "-0"], env=env) == real


def test_miniload_variables_win_over_qemu_variables() -> None:
    env = {"MINILOAD_SET_ENV": "X=ours", "QEMU_SET_ENV": "X=theirs,Z=1", "MINILOAD_ARGV0": "ours", "QEMU_ARGV0": "theirs"}
    assert outcome([*MINILOAD, "/bin/sh", "-c", 'printf %s-%s "$0" "$X$Z"'], env=env) == (0, b"ours-ours", b"")


def test_command_line_wins_over_the_environment() -> None:
    env = {"MINILOAD_SET_ENV": "X=environment,Y=kept", "MINILOAD_ARGV0": "environment"}
    command = ["/bin/sh", "-c", 'printf %s-%s-%s "$0" "$X" "$Y"']
    assert outcome([*MINILOAD, "-0", "line", "-E", "X=line", *command], env=env) == (0, b"line-line-kept", b"")


def test_malformed_environment_block(tmp_path: Path) -> None:
    """Entries as only execve itself can make them; the oracle is the program run directly with the same block."""
    program = standard_elf().write(tmp_path / "program")
    block = [b"A=1", b"no equals sign", b"A=2", b"=x", b"", b"B=\xff"]
    got = []
    for words in ([os.fsencode(program)], [os.fsencode(MINILOAD[0]), os.fsencode(program)]):
        with stopped(["x"], executable="/nonexistent", before=partial(bare_execve, words[0], words, block)) as process:
            got.append(process.proc("environ"))
    assert got[0] == got[1] == b"\0".join(block) + b"\0"


# argv[0].


@pytest.mark.parametrize("name", ["other", "with blank", "-sh", "\udcff", ""])
@pytest.mark.parametrize("option", ["-0", "--argv0"])
def test_argv0(option: str, name: str) -> None:
    """As bash's `exec -a`: the program's own name for itself, while the file stays the same."""
    command = ["/bin/cat", "/proc/self/cmdline"]
    real = subprocess.run([name, *command[1:]], executable=command[0], capture_output=True, check=False).stdout
    assert outcome([*MINILOAD, option, name, *command]) == (0, real, b"")


@pytest.mark.parametrize("variable", ["MINILOAD_ARGV0", "QEMU_ARGV0"])
def test_environment_form_of_argv0(variable: str) -> None:
    assert outcome([*MINILOAD, "/bin/sh", "-c", 'printf %s "$0"'], env={variable: "other"}) == (0, b"other", b"")


def test_argv0_defaults_to_the_word_given(tmp_path: Path) -> None:
    """Not the path that it was found at."""
    assert outcome([*MINILOAD, "cat", "/proc/self/cmdline"])[1] == b"cat\0/proc/self/cmdline\0"


# The initial state.


def test_interp_replaces_the_named_one(tmp_path: Path) -> None:
    """It need not exist what PT_INTERP names, and AT_BASE is the replacement's."""
    program = standard_pie().with_interp(b"/nonexistent/ld.so").write(tmp_path / "program")
    interpreter = standard_pie().write(tmp_path / "interp")
    with stopped([*MINILOAD, "--interp", interpreter, program]) as process:
        start = next(line.start for line in process.maps() if line.path == str(interpreter))
        assert process.auxv()[AT_BASE] == start


def test_interp_that_is_missing(tmp_path: Path) -> None:
    program = standard_pie().with_interp(b"/bin/true").write(tmp_path / "program")
    assert "/nonexistent/ld.so" in said(127, "--interp", "/nonexistent/ld.so", str(program))


def test_interp_for_a_program_without(tmp_path: Path) -> None:
    program = standard_elf().write(tmp_path / "program")
    assert "--interp" in said(125, "--interp", "/bin/true", str(program))


AUXV = {
    "HWCAP2=0": (AT_HWCAP2, 0),
    "AT_HWCAP2=0x55": (AT_HWCAP2, 0x55),
    "hwcap2=7": (AT_HWCAP2, 7),
    "26=9": (AT_HWCAP2, 9),
    "SECURE=1": (AT_SECURE, 1),
    "0x7777=0x123456789": (AT_NEW, 0x123456789),
    "ENTRY=0x1234": (AT_ENTRY, 0x1234),
    f"0x7777={(1 << 64) - 1}": (AT_NEW, (1 << 64) - 1),
}


@pytest.mark.parametrize("text", AUXV)
def test_auxv_override(text: str, tmp_path: Path) -> None:
    """The program finds the value; everything else in its vector is as without the option."""
    kind, value = AUXV[text]
    path = standard_elf().write(tmp_path / "program")
    with stopped([*MINILOAD, "--no-aslr", path]) as before, stopped([*MINILOAD, "--no-aslr", "--auxv", text, path]) as after:
        expected = {**before.auxv(), kind: value}
        pointers = (25, 31, 15)  # AT_RANDOM, AT_EXECFN, AT_PLATFORM lie where the vector's length puts them
        assert {k: v for k, v in after.auxv().items() if k not in pointers} == {k: v for k, v in expected.items() if k not in pointers}
        assert list(after.auxv())[: len(before.auxv())] == list(before.auxv())


def test_several_auxv_overrides(tmp_path: Path) -> None:
    path = standard_elf().write(tmp_path / "program")
    with stopped([*MINILOAD, "--auxv", "HWCAP2=1", "--auxv", "0x7777=2", "--auxv=HWCAP2=3", path]) as process:
        assert (process.auxv()[AT_HWCAP2], process.auxv()[AT_NEW]) == (3, 2)


@pytest.mark.parametrize("how", ["-v", "MINILOAD_VERBOSE"])
def test_verbose_says_the_level(how: str, tmp_path: Path) -> None:
    """One line on stderr; then the program runs."""
    arguments, env = (["-v"], {}) if how == "-v" else ([], {how: "1"})
    status, stdout, stderr = outcome([*MINILOAD, *arguments, "/bin/echo", "hi"], env=env)
    assert (status, stdout, stderr.count(b"\n")) == (0, b"hi\n", 1)
    assert stderr.startswith(b"miniload: /bin/echo: level ")


def test_verbose_0_is_silent() -> None:
    assert outcome([*MINILOAD, "/bin/true"], env={"MINILOAD_VERBOSE": "0"}) == (0, b"", b"")


def test_program_entry_is_where_the_file_says(tmp_path: Path) -> None:
    path = standard_elf().write(tmp_path / "program")
    with stopped([*MINILOAD, path]) as process:
        assert process.auxv()[AT_ENTRY] == TEXT
