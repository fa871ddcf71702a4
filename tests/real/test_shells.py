"""Shells: pipes, traps, subshells, jobs. Expected: what the same script does when the kernel has loaded the shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from compare import at_terminal, same, same_output, without_numbers
from support import MINILOAD, clean_environment, outcome

if TYPE_CHECKING:
    from compare import Terminal

BASH = {
    "pipeline": ("seq 1000 | grep 7 | sort -rn | head -3; echo ${PIPESTATUS[@]}", 0, b"997"),
    "pipeline_status": ("set -o pipefail; true | (exit 5) | true; echo $?; exit 5", 5, b"5\n"),
    "exit_trap": ("trap 'echo bye $?' EXIT; echo in; exit 3", 3, b"bye 3"),
    "interrupt_trap": ("trap 'echo interrupted; exit 4' INT; kill -INT $$; echo not reached", 4, b"interrupted"),
    "error_trap": ("trap 'echo error $? at $LINENO' ERR; true; false; (exit 6); true", 0, b"error 6"),
    "debug_trap": ("trap 'echo about to $BASH_COMMAND' DEBUG; true; : 1", 0, b"about to : 1"),
    "ignored_signal": ("trap '' TERM; kill -TERM $$; grep SigIgn /proc/self/status; exit 2", 2, b"SigIgn"),
    "untrapped_signal": ("kill -TERM $$; echo not reached", -15, b""),
    "subshell": ("x=1; (x=2; echo $BASH_SUBSHELL $x; exit 9); echo $? $x $(echo nested $(echo deeper))", 0, b"nested deeper"),
    "here_document": ("x=value; cat <<END; cat <<'END'; cat <<<$x\n$x $((6 * 7))\nEND\n$x\nEND\n", 0, b"value 42"),
    "background": ("for i in 3 1 2; do (exit $i) & all+=($!); done; for p in ${all[@]}; do wait $p; echo $?; done", 0, b"3\n1\n2\n"),
    "wait_for_any": ("(exit 8) & wait -n; echo $?; wait -n; echo $?", 0, b"8\n127\n"),
    "wait_interrupted": ("trap : USR1; (while kill -USR1 $$; do sleep 0.05; done) & k=$!; sleep 30 & wait $!; echo $?; kill $k $!", 0, b"138"),
    "process_substitution": ("diff <(seq 3) <(seq 2 4); echo $?; seq 3 > >(tac); wait $!", 0, b"< 1\n"),
    "coprocess": ('coproc cat; echo sent >&"${COPROC[1]}"; read -r line <&"${COPROC[0]}"; echo got $line; kill $COPROC_PID', 0, b"got sent"),
    "killed_child": ("sleep 30 & kill -KILL $!; wait $!; [ $? = 137 ] && echo died", 0, b"died"),
    "job_control": ("set -m; sleep 30 & jobs; kill %1; wait %1; echo $?", 0, b"Running"),
    "stopped_child": ("set -m; bash -c 'kill -STOP $$; exit 11'; echo $?; jobs; fg; echo $?", 0, b"Stopped"),
    "exec": ("exec sh -c 'echo replaced $0' name", 0, b"replaced name"),
    "exec_redirection": ("exec 3>&1 1>&2; echo to stderr; echo to stdout >&3", 0, b"to stdout"),
    "exit_on_error": ("set -e; false; echo not reached", 1, b""),
    "command_not_found": ("no-such-command", 127, b""),
    "regular_expression": ("[[ miniload-12 =~ ^([a-z]+)-([0-9]+)$ ]]; echo ${BASH_REMATCH[@]}", 0, b"miniload-12 miniload 12"),
    "exported_function": ("f() { echo exported $1; }; export -f f; bash -c 'f 1'", 0, b"exported 1"),
    "time_limit": ("timeout 0.1 sleep 30; echo $?", 0, b"124"),
    "limits": ("ulimit -Sa; ulimit -Ha; umask", 0, b"stack size"),
    "own_executable": ("[[ /proc/$$/exe -ef $BASH ]]; echo $? $0", 0, b"0 bash"),
    "network": ("exec 3<>/dev/tcp/127.0.0.1/1; echo $?", 0, b"1\n"),
    "many_children": ("for i in {1..60}; do /bin/true || echo failed; done; echo $?", 0, b"0\n"),
}


@pytest.mark.parametrize("name", BASH)
def test_bash(name: str) -> None:
    """A script for each thing that shells do with processes, signals and descriptors; the direct run also has the status and the
    words that the shell's manual promises."""
    script, status, fragment = BASH[name]
    done = same(["bash", "-c", script], normal=without_numbers if name == "killed_child" else bytes)
    assert done[0] == status
    assert fragment in done[1]


@pytest.mark.parametrize(
    ("script", "fragment"),
    [
        ("trap 'echo bye' EXIT; echo $0 $# $@", b"dash 2 a b\nbye\n"),
        ("seq 3 | while read n; do echo $n; done; cat <<END\nhere $((1 + 2))\nEND", b"3\nhere 3\n"),
        ("sleep 30 & kill $!; wait $!; echo $?", b"143\n"),
        ("trap 'echo usr1' USR1; kill -USR1 $$; (trap - USR1; kill -USR1 $(exec sh -c 'echo $PPID')); echo $?", b"usr1\n"),
    ],
    ids=["arguments", "pipe", "background", "trap"],
)
def test_dash(script: str, fragment: bytes) -> None:
    """The small shell does what it does directly."""
    status, stdout, _ = same(["dash", "-c", script, "dash", "a", "b"])
    assert status == 0
    assert fragment in stdout


def test_script_on_standard_input() -> None:
    """A shell reads its script byte by byte from a pipe, and leaves the rest to the commands in it."""
    assert same_output(["bash", "-s", "word"], input=b"echo $1; read line; echo got $line; cat\nrest\nand more\n", stdin=None) == b"word\ngot rest\nand more\n"


def test_login_shell_by_argv0() -> None:
    """argv[0] that begins with a dash makes bash a login shell."""
    status, stdout, _ = outcome([*MINILOAD, "-0", "-bash", "/bin/bash", "-c", "shopt login_shell"], env=clean_environment(HOME="/nonexistent"))
    assert (status, stdout) == (0, b"login_shell    \ton\n")


def test_loaded_command_inside_a_pipeline() -> None:
    """miniload in the middle of a shell's pipeline passes data and status on."""
    command = " ".join(MINILOAD)
    script = f"seq 100000 | {command} cat | {command} tail -1; echo ${{PIPESTATUS[@]}}; {command} sh -c 'exit 9'; echo $?"
    assert outcome(["bash", "-c", script]) == (0, b"100000\n0 0 0\n9\n", b"")


def test_bash_and_its_jobs_at_a_terminal() -> None:
    """An interactive shell: prompt, stop of the foreground job by ^Z, jobs, fg, ^C, exit."""

    def use(terminal: Terminal) -> None:
        terminal.until(b"$ ").type(b"cat\n").until(b"cat\r\n").type(b"one\n").until(b"one\r\none\r\n").type(b"\x1a")
        terminal.until(b"Stopped").until(b"$ ").type(b"jobs\n").until(b"Stopped").until(b"$ ")
        terminal.type(b"fg\n").until(b"cat\r\n").type(b"two\n").until(b"two\r\ntwo\r\n")
        terminal.type(b"\x03").until(b"$ ").type(b"echo status $?\n").until(b"status 130\r\n").until(b"$ ").type(b"exit 5\n")

    status, _ = at_terminal(["bash", "--norc", "--noprofile", "--noediting", "-i"], use)
    assert status == 5
