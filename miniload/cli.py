"""The command: options, environment, exit statuses. Start-up is a feature, so nothing is imported before it is needed."""

from __future__ import annotations

import os
import sys

from miniload.errors import MiniloadError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import NoReturn

    from miniload.plan.model import LoadPlan

USAGE = """\
usage: miniload [options] PROGRAM [ARGUMENT...]

Runs PROGRAM as execve would, loaded by miniload. Options come before PROGRAM; -- ends them.

  -E VAR=VALUE,...    set variables of the program's environment   [MINILOAD_SET_ENV, QEMU_SET_ENV]
  --env VAR=VALUE     set one, whose value may hold anything
  -U VAR,...          remove some                                   [MINILOAD_UNSET_ENV, QEMU_UNSET_ENV]
  -0, --argv0 ARG     argv[0], else PROGRAM                         [MINILOAD_ARGV0, QEMU_ARGV0]
  -L, --sysroot DIR   where a foreign program's absolute paths are looked up first; else /usr/<triplet>, if it is there
                                                                    [MINILOAD_SYSROOT, QEMU_LD_PREFIX]
  --engine NAME       auto (native if the machine matches), native or unicorn   [MINILOAD_ENGINE]
  --cpu NAME          the emulated CPU's model; help lists them     [MINILOAD_CPU, QEMU_CPU]
  -s SIZE             limit of the emulated program's stack, with K, M or G     [MINILOAD_STACK_SIZE, QEMU_STACK_SIZE]
  -r RELEASE          what uname tells an emulated program          [MINILOAD_UNAME, QEMU_UNAME]
  --strace[=FILE]     log the emulated program's system calls to stderr, or to FILE   [MINILOAD_STRACE, QEMU_STRACE]
  --report-deadlock   where all threads of the emulated program wait for each other, say where each of them is and end it
                                                                    [MINILOAD_REPORT_DEADLOCK=1]
  --via-stub          have the stub carry the plan out inside the emulator
  --interp FILE       the interpreter to load instead of the one that PROGRAM names
  --auxv NAME=VALUE   replace or add an auxv entry, such as HWCAP2=0 or 0x7777=1
  --no-aslr           fixed addresses, as setarch -R (children inherit it)
  --ignore-setid      run a set-id program with the present credentials
  --explain           print what would be done, run nothing; --json: as JSON
  --pack OUT          write a self-contained executable that does it, run nothing
  -v                  say on stderr how much of a fresh process image could be had   [MINILOAD_VERBOSE=1]
  --version, -h, --help

exit status: PROGRAM's own (or its signal); 124 --report-deadlock found one; 125 miniload failed, 126 PROGRAM cannot be run, 127 it was not found
"""

ADDR_NO_RANDOMIZE = 0x0040000
KEPT = b"MINILOAD_KEEP_"
"""What the launcher puts before the names of variables that are meant for the program's libc (stub/launcher/launcher.c)."""


class Options:
    """What the command line and the environment ask for."""

    def __init__(self) -> None:
        self.env_edits: list[tuple[bytes, bytes | None]] = []
        self.argv0: bytes | None = None
        self.interp: bytes | None = None
        self.auxv: dict[int, int] = {}
        self.aslr = True
        self.ignore_setid = False
        self.explain = False
        self.json = False
        self.pack: bytes | None = None
        self.verbose = False
        self.sysroot: bytes | None = None
        self.engine = "auto"
        self.cpu = ""
        self.stack = 0
        self.uname = ""
        self.strace: bytes | None = None
        self.report_deadlock = False
        self.via_stub = False
        self.command: list[bytes] = []


def main(arguments: list[str] | None = None, launched: str | None = None) -> int:
    """Runs the command; on success it never returns, the program has taken the process over. `ignored` are the signals that
    were ignored before Python started: "p" for SIGPIPE, "x" for SIGXFSZ."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        options = parse(given, os.environb)
        if options is None:
            return 0
        return run(options, launched)
    except MiniloadError as error:
        return complain(str(error), error.status)
    except OSError as error:
        name = error.filename if isinstance(error.filename, str) else os.fsdecode(error.filename or b"")
        return complain(f"{name}: {error.strerror}" if name else str(error), MiniloadError.status)
    except KeyboardInterrupt:
        return 130


def complain(message: str, status: int) -> int:
    """One line on stderr."""
    line = f"miniload: {message}".replace("\n", "\\n") + "\n"
    os.write(2, line.encode("utf-8", "backslashreplace"))
    return status


def run(options: Options, launched: str | None) -> int:
    """Explains, packs or executes."""
    if options.cpu == "help":
        from miniload.linux.choose import list_cpus

        sys.stdout.write(list_cpus())
        return 0
    if not options.command:
        raise UsageError("", "no program given", remedy="miniload --help")
    program, env = program_and_environment(options, launched is not None)
    foreign = emulated(options, launched, program, env)
    if foreign is not None:
        return foreign
    plan = make_plan(options, program, env)
    if options.explain:
        return explain(plan, options.json)
    if options.pack is not None:
        from miniload.native.pack import pack

        pack(plan, options.pack)
        return 0
    return execute(plan, options.verbose, launched or "")


def emulated(options: Options, launched: str | None, program: bytes, env: list[bytes]) -> int | None:
    """Runs or explains the program in the emulator, if that is who has to; None if this machine can run it."""
    from miniload import arch as architectures
    from miniload.plan.machine import machine_of

    if options.engine == "native":
        return None
    machine = machine_of(program, locator(options.sysroot))
    native = architectures.host()
    if machine not in architectures.BY_MACHINE or (options.engine == "auto" and native is not None and machine == native.machine):
        return None
    from miniload.vcpu.core import open_early

    # Loading the engine's library and opening it takes 3 ms, during which the rest can be imported.
    name = architectures.BY_MACHINE[machine]
    if not options.explain and options.pack is None:
        open_early(name, options.cpu)
    from miniload.linux.choose import emulate

    return emulate(options, machine, program, env, launched)


def locator(sysroot: bytes | None) -> Callable[[bytes], bytes]:
    """Where paths lead, given -L."""
    if not sysroot:
        from miniload.plan.program import as_named

        return as_named
    from miniload.linux.paths import Paths

    return Paths(sysroot).host


def execute(plan: LoadPlan, verbose: bool, ignored: str) -> NoReturn:
    """Becomes the program."""
    from miniload.native.launch import Launch

    with Launch(plan, report=verbose) as launch:
        launch.exec(ignore_sigpipe="p" in ignored, ignore_sigxfsz="x" in ignored)


def program_and_environment(options: Options, launched: bool) -> tuple[bytes, list[bytes]]:
    """The command's program, found in PATH, and its environment, edited."""
    from miniload.plan.program import search_path

    env = edit_environment(own_environment(launched), options.env_edits)
    path = next((entry[5:] for entry in env if entry.startswith(b"PATH=")), None)
    return search_path(options.command[0], path), env


def make_plan(options: Options, program: bytes, env: list[bytes]) -> LoadPlan:
    """The plan for the command."""
    from miniload.plan.build import build

    argv0 = options.command[0] if options.argv0 is None else options.argv0
    if not options.aslr:
        disable_aslr()
    return build(
        program,
        [argv0, *options.command[1:]],
        env,
        interp=options.interp,
        auxv=options.auxv,
        randomize=options.aslr,
        ignore_setid=options.ignore_setid,
    )


def explain(plan: LoadPlan, as_json: bool) -> int:
    """Prints the plan and the level that carrying it out should reach."""
    from miniload.plan import explain
    from miniload.plan.level import expected_level

    level = expected_level()
    if as_json:
        import json

        text = json.dumps({**explain.to_dict(plan), "level": {"name": level.name, "reason": level.reason}}, indent=2)
    else:
        text = f"{explain.explain(plan)}\n\nlevel: {level.name}{level.reason and f' ({level.reason})'}"
    sys.stdout.write(text + "\n")
    return 0


def own_environment(launched: bool) -> list[bytes]:
    """The environment block as the command got it: os.environ would lack entries without "=" and repeated ones, and Python's own
    start may have added to it (LC_CTYPE, PEP 538). What the launcher renamed so that this Python would not see it has its name back.
    """
    try:
        with open("/proc/self/environ", "rb", buffering=0) as block:
            data = block.readall()
    except OSError:
        return [name + b"=" + value for name, value in os.environb.items()]
    entries = data.split(b"\0")[:-1]
    return [entry.removeprefix(KEPT) for entry in entries] if launched else entries


def edit_environment(env: list[bytes], edits: list[tuple[bytes, bytes | None]]) -> list[bytes]:
    """Sets and (value None) removes variables, in the order given. A variable that was there is changed in place, a new one comes
    last, as setenv(3) does."""
    result = list(env)
    for name, value in edits:
        places = [index for index, entry in enumerate(result) if entry.partition(b"=")[0] == name]
        if value is None:
            result = [entry for index, entry in enumerate(result) if index not in places]
        elif places:
            result[places[0]] = name + b"=" + value
        else:
            result.append(name + b"=" + value)
    return result


def disable_aslr() -> None:
    """personality(2) before the exec, so that the kernel's own choices (stack, vDSO) are not randomised either."""
    from miniload.ffi import CDLL

    libc = CDLL(None)
    libc.personality(libc.personality(0xFFFFFFFF) | ADDR_NO_RANDOMIZE)


def parse(arguments: list[str], environ: os._Environ[bytes]) -> Options | None:
    """The options, environment first, command line over it; None after --help and --version. UsageError for what is unknown."""
    options = Options()
    read_environment(options, environ)
    words = iter(arguments)
    for word in words:
        if word == "--":
            options.command = [os.fsencode(rest) for rest in words]
        elif word.startswith("-") and word != "-":
            if not parse_option(options, word, words):
                return None
        else:
            options.command = [os.fsencode(word), *(os.fsencode(rest) for rest in words)]
    return options


def read_environment(options: Options, environ: os._Environ[bytes]) -> None:
    def first(*names: bytes) -> bytes:
        return next((environ[name] for name in names if name in environ), b"")

    options.env_edits += map(setting_of, split_settings(first(b"MINILOAD_SET_ENV", b"QEMU_SET_ENV")))
    options.env_edits += removals_of(first(b"MINILOAD_UNSET_ENV", b"QEMU_UNSET_ENV"))
    options.argv0 = first(b"MINILOAD_ARGV0", b"QEMU_ARGV0") or None
    options.verbose = first(b"MINILOAD_VERBOSE") not in (b"", b"0")
    options.report_deadlock = first(b"MINILOAD_REPORT_DEADLOCK") not in (b"", b"0")
    options.sysroot = first(b"MINILOAD_SYSROOT", b"QEMU_LD_PREFIX") or None
    options.engine = engine_of(os.fsdecode(first(b"MINILOAD_ENGINE") or b"auto"))
    options.cpu = os.fsdecode(first(b"MINILOAD_CPU", b"QEMU_CPU"))
    options.uname = os.fsdecode(first(b"MINILOAD_UNAME", b"QEMU_UNAME"))
    options.stack = size_of(os.fsdecode(first(b"MINILOAD_STACK_SIZE", b"QEMU_STACK_SIZE") or b"0"))
    if first(b"MINILOAD_STRACE", b"QEMU_STRACE") not in (b"", b"0"):
        options.strace = b""


def engine_of(name: str) -> str:
    """One of the engines. UsageError if it is none."""
    if name not in ("auto", "native", "unicorn"):
        raise UsageError("", "want auto, native or unicorn", field="--engine", value=name)
    return name


def size_of(text: str) -> int:
    """A number of bytes, with K, M or G behind it or not. UsageError if it is none."""
    unit = {"K": 10, "M": 20, "G": 30}.get(text[-1:].upper(), 0)
    digits = text[:-1] if unit else text
    if not digits.isdecimal():
        raise UsageError("", "want a size, such as 8M", field="-s", value=text)
    return int(digits) << unit


def removals_of(text: bytes) -> list[tuple[bytes, None]]:
    """VAR,VAR,... as qemu-user takes them."""
    return [(name, None) for name in text.split(b",") if name]


def setting_of(text: bytes, option: str = "-E") -> tuple[bytes, bytes]:
    """VAR=VALUE, taken apart. UsageError if it is not that."""
    name, equals, value = text.partition(b"=")
    if not name or not equals:
        raise UsageError("", "want VAR=VALUE", field=option, value=text)
    return name, value


def split_settings(text: bytes) -> list[bytes]:
    """VAR=VALUE,VAR=VALUE,... as qemu-user takes them, but a comma that no VAR= follows belongs to the value before it."""
    settings: list[bytes] = []
    for part in text.split(b","):
        name, equals, _ = part.partition(b"=")
        if settings and not (equals and name.replace(b"_", b"a").isalnum()):
            settings[-1] += b"," + part
        else:
            settings.append(part)
    return [] if settings == [b""] else settings


def parse_option(options: Options, word: str, words: Iterator[str]) -> bool:
    """Takes one option, and its value from `words` or after "=". False if the command is done with it."""
    name, equals, attached = word.partition("=") if word.startswith("--") else (word, "", "")

    def value() -> str:
        if equals:
            return attached
        try:
            return next(words)
        except StopIteration:
            raise UsageError("", "needs a value", field=name) from None

    if name == "-E":
        options.env_edits += map(setting_of, split_settings(os.fsencode(value())))
    elif name == "--env":
        options.env_edits.append(setting_of(os.fsencode(value()), name))
    elif name == "-U":
        options.env_edits += removals_of(os.fsencode(value()))
    elif name in ("-0", "--argv0"):
        options.argv0 = os.fsencode(value())
    elif name == "--interp":
        options.interp = os.fsencode(value())
    elif name == "--auxv":
        from miniload.plan.auxv import parse_override

        kind, number = parse_override(value())
        options.auxv[kind] = number
    elif name in ("-L", "--sysroot"):
        options.sysroot = os.fsencode(value())
    elif name == "--engine":
        options.engine = engine_of(value())
    elif name in ("--cpu", "-cpu"):
        options.cpu = value()
    elif name == "-s":
        options.stack = size_of(value())
    elif name == "-r":
        options.uname = value()
    elif name in ("--strace", "-strace"):
        options.strace = os.fsencode(attached)
    elif name == "--pack":
        options.pack = os.fsencode(value())
    elif equals or not parse_flag(options, name):
        raise UsageError("", "unknown option", field=word, remedy="miniload --help")
    return name not in ("--version", "-version", "-h", "-help", "--help")


def parse_flag(options: Options, name: str) -> bool:
    """Options without a value."""
    if name == "--no-aslr":
        options.aslr = False
    elif name == "--ignore-setid":
        options.ignore_setid = True
    elif name == "--explain":
        options.explain = True
    elif name == "--json":
        options.json = True
    elif name == "--report-deadlock":
        options.report_deadlock = True
    elif name == "--via-stub":
        options.via_stub = True
    elif name == "-v":
        options.verbose = True
    elif name in ("--version", "-version"):
        from miniload import __version__

        sys.stdout.write(f"miniload {__version__}\n")
    elif name in ("-h", "-help", "--help"):
        sys.stdout.write(USAGE)
    else:
        return False
    return True
