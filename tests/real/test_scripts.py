"""`#!` scripts of real interpreters. Expected: what they do when the kernel follows the line."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from compare import PYTHON, same, same_output
from support import MINILOAD, clean_environment, need, outcome

if TYPE_CHECKING:
    from pathlib import Path

SCRIPTS = {
    "sh": "#!/bin/sh\necho $0 $# $@; cat /proc/$$/comm; tr '\\0' ' ' < /proc/$$/cmdline\n",
    "sh_with_option": "#!/bin/sh -e\necho $-; false; echo not reached\n",
    "bash": "#! /bin/bash\nshopt -s extglob\necho ${BASH_SOURCE[0]} ${0##*/} +(x)\n",
    "python": f"#!{PYTHON}\nimport sys\nprint(sys.argv, sys.flags.isolated)\n",
    "python_with_option": f"#!{PYTHON} -I\nimport sys\nprint(sys.argv, sys.flags.isolated)\n",
    "env": "#!/usr/bin/env perl\nprint qq($0 @ARGV\\n);\n",
    "env_with_argument": "#!/usr/bin/env -S awk -v x=5 -f\nBEGIN { print x, ARGC, ARGV[1] }\n",
    "cat": "#!/bin/cat\nthe script itself\n",
    "echo": "#!/bin/echo  one argument, with   blanks  \n",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_script(tmp_path: Path, name: str) -> None:
    """Arguments, $0, comm and cmdline of a script."""
    need(PYTHON, "perl", "awk")
    script = tmp_path / "a script"
    script.write_text(SCRIPTS[name])
    script.chmod(0o755)
    status, stdout, stderr = same([script, "x", "y z"])
    assert (status, stderr) == (name == "sh_with_option", b"") or name == "cat"
    assert stdout


def test_script_of_a_script(tmp_path: Path) -> None:
    """An interpreter that is itself a script."""
    inner, outer = tmp_path / "inner", tmp_path / "outer"
    inner.write_text('#!/bin/sh -u\necho inner $0 "$@"\n')
    outer.write_text(f"#!{inner} its argument\nnever read\n")
    for script in (inner, outer):
        script.chmod(0o755)
    assert same_output([outer, "a"]) == b"inner %b its argument %b a\n" % (os.fsencode(inner), os.fsencode(outer))


def test_script_found_in_path(tmp_path: Path) -> None:
    """By name alone, as a shell would call it: $0 is the path that was found."""
    script = tmp_path / "a-command"
    script.write_text("#!/bin/sh\necho $0 $1\n")
    script.chmod(0o755)
    env = clean_environment(PATH=f"{tmp_path}:/usr/bin:/bin")
    assert same_output(["env", "a-command", "x"], env=env) == outcome([*MINILOAD, "a-command", "x"], env=env)[1]


def test_script_by_relative_path(tmp_path: Path) -> None:
    """The path is handed on as it was given."""
    script = tmp_path / "relative"
    script.write_text("#!/bin/sh\necho $0\npwd\n")
    script.chmod(0o755)
    assert same_output(["./relative"], cwd=tmp_path).startswith(b"./relative\n")
