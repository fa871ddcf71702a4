"""The launcher: how the installed command starts its Python. The oracle is the program run directly, in the same surroundings."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import MINILOAD, SCRIPT, clean_environment, outcome


@pytest.mark.parametrize("number", [signal.SIGPIPE, signal.SIGXFSZ])
@pytest.mark.parametrize("action", [signal.SIG_IGN, signal.SIG_DFL])
def test_signals_that_python_ignores_are_as_found(number: signal.Signals, action: signal.Handlers) -> None:
    """SigIgn of the program equals that of a directly run one, whether the parent ignored the signal or not."""
    command = ["/bin/grep", "SigIgn", "/proc/self/status"]
    options = {"preexec_fn": lambda: signal.signal(number, action), "restore_signals": False}
    assert outcome([*MINILOAD, *command], **options) == outcome(command, **options)


@pytest.mark.parametrize("variable", ["PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONMALLOC", "PYTHONVERBOSE"])
def test_python_variables_are_the_programs_alone(variable: str) -> None:
    """They do not disturb the Python that loads, and the program gets them."""
    env = clean_environment(**{variable: "/nonexistent"})
    assert outcome([*MINILOAD, "/usr/bin/printenv", variable], env=env) == (0, b"/nonexistent\n", b"")


def test_libc_variables_are_the_programs_alone() -> None:
    """LD_DEBUG speaks once: of the program's libraries, not of Python's."""
    env = clean_environment(LD_DEBUG="files")
    _, _, stderr = outcome([*MINILOAD, "/bin/true"], env=env)
    assert b"program: /bin/true" in stderr.replace(b"initialize program", b"program")
    assert b"python" not in stderr


def test_environment_is_unchanged() -> None:
    """Order, duplicates of names that the launcher renames, everything."""
    env = clean_environment(LD_X="1", A="2", MALLOC_X="3", GLIBC_TUNABLES="", Z="4")
    command = ["/bin/cat", "/proc/self/environ"]
    assert outcome([*MINILOAD, *command], env=env) == outcome(command, env=env)


def test_empty_environment_stays_empty() -> None:
    """Python's own additions (PEP 538 sets LC_CTYPE) do not get through."""
    assert outcome([*MINILOAD, "/bin/cat", "/proc/self/environ"], env={}) == (0, b"", b"")


def test_through_a_symbolic_link(tmp_path: Path) -> None:
    """The launcher looks for its script where it lies itself, not where the link does."""
    link = tmp_path / "elsewhere"
    link.symlink_to(SCRIPT)
    assert outcome([str(link), "/bin/echo", "hello"]) == (0, b"hello\n", b"")


def test_found_in_path_and_called_with_any_argv0() -> None:
    """argv[0] plays no role."""
    done = subprocess.run(["nonsense", "/bin/echo", "hello"], executable=SCRIPT, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"hello\n", b"")


@pytest.mark.parametrize(
    "line",
    ["#!{python}\n", "#!/bin/sh\n'''exec' {python} \"$0\" \"$@\"\n' '''\n", "#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\n"],
    ids=["plain", "shell", "quoted"],
)
def test_every_form_of_installed_first_line(tmp_path: Path, line: str) -> None:
    """Installers write the interpreter's path in three ways (the shell forms for long paths and for blanks)."""
    launcher = tmp_path / "miniload"
    launcher.write_bytes(SCRIPT.read_bytes())
    launcher.chmod(0o755)
    (tmp_path / "miniload-run").write_text(line.format(python=sys.executable) + "import sys\nprint(sys.argv[2:], sys.flags.isolated, sys.flags.no_site)\n")
    assert outcome([str(launcher), "a", "b c"]) == (0, b"['a', 'b c'] 1 1\n", b"")


def test_missing_script_is_one_line(tmp_path: Path) -> None:
    """A launcher alone cannot do anything: 125."""
    launcher = tmp_path / "miniload"
    launcher.write_bytes(SCRIPT.read_bytes())
    launcher.chmod(0o755)
    status, stdout, stderr = outcome([str(launcher), "/bin/true"])
    assert (status, stdout, stderr.count(b"\n")) == (125, b"", 1)
    assert stderr.startswith(b"miniload: " + os.fsencode(tmp_path))


def test_missing_python_is_one_line(tmp_path: Path) -> None:
    """The interpreter that the installer named has gone: 125."""
    launcher = tmp_path / "miniload"
    launcher.write_bytes(SCRIPT.read_bytes())
    launcher.chmod(0o755)
    (tmp_path / "miniload-run").write_text("#!/nonexistent/python\n")
    status, stdout, stderr = outcome([str(launcher), "/bin/true"])
    assert (status, stdout, stderr.count(b"\n")) == (125, b"", 1)
    assert b"/nonexistent/python" in stderr


def test_module_works_without_the_launcher() -> None:
    """python -m miniload, for where the script is not installed."""
    assert outcome([sys.executable, "-m", "miniload", "/bin/echo", "hello"]) == (0, b"hello\n", b"")
