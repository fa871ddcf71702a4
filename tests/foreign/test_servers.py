"""Servers of the foreign machine, with clients of this one. Expected: what this machine's own client asks for and counts."""

from __future__ import annotations

import os
import pwd
import re
import socket
import subprocess
import time
from contextlib import contextmanager
from grp import getgrgid
from typing import TYPE_CHECKING

import pytest
from support import need

from foreign import data
from foreign.compare import ENVIRONMENT, PATIENCE, Line, miniload, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from foreign.compare import Foreign

REQUESTS = 2000
NGINX = """user {user} {group}; daemon off; worker_processes 2; pid {folder}/pid; error_log stderr;
events {{ worker_connections 128; }}
http {{
    access_log {folder}/access; sendfile on; gzip on; gzip_min_length 1;
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3; uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    server {{ listen 127.0.0.1:{port}; root {folder}/www; }}
}}
"""


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port


@contextmanager
def _serving(foreign: Foreign, program: str, port: int, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """The sysroot's program, which listens at that port by now; killed if it still runs at the end."""
    runner = miniload(foreign.root)
    command = [*runner.prefix, str(foreign.root / program), *words]
    with subprocess.Popen(command, env=ENVIRONMENT, cwd=foreign.scratch, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as server:
        try:
            _wait_for(server, port)
            yield server
        finally:
            server.kill()


def _wait_for(server: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.02)
    server.kill()
    pytest.fail(f"{server.args!r} does not listen: {server.communicate()[0]!r}")


def _says(*words: str) -> str:
    """The stdout of a client of this machine's."""
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout


def test_redis(foreign_compilers: Foreign) -> None:
    """redis-benchmark's loads with 20 clients at a time; Lua, a save by a forked child, the shutdown. The numbers are those of the requests."""
    need("redis-cli", "redis-benchmark")
    port = _free_port()
    with _serving(foreign_compilers, "usr/bin/redis-server", port, "--port", str(port), "--save", "", "--appendonly", "no") as server:
        client = ("redis-cli", "-p", str(port))
        assert _says(*client, "set", "key", "value") == "OK\n"
        load = _says("redis-benchmark", "-p", str(port), "-n", str(REQUESTS), "-c", "20", "--csv", "-t", "ping_mbulk,set,get,incr,lpush,mset")
        assert len(re.findall(r'(?m)^"(?:PING_MBULK|SET|GET|INCR|LPUSH|MSET \(10 keys\))","\d', load)) == 6
        assert _says(*client, "get", "counter:__rand_int__") == f"{REQUESTS}\n"
        assert _says(*client, "llen", "mylist") == f"{REQUESTS}\n"
        assert _says(*client, "get", "key") == "value\n"
        assert _says(*client, "eval", "local n = 0; for i = 1, 1000 do n = n + i end; return n", "0") == "500500\n"
        assert _says(*client, "bgsave") == "Background saving started\n"
        end = time.monotonic() + PATIENCE
        while "rdb_bgsave_in_progress:0" not in _says(*client, "info", "persistence") and time.monotonic() < end:
            time.sleep(0.05)
        assert "rdb_last_bgsave_status:ok" in _says(*client, "info", "persistence")
        assert (foreign_compilers.scratch / "dump.rdb").read_bytes().startswith(b"REDIS")
        _says(*client, "shutdown", "nosave")
        assert server.wait(PATIENCE) == 0


def test_nginx(foreign_compilers: Foreign, tmp_path: Path) -> None:
    """ab's requests from 20 clients at a time, answered by two worker processes: none fails, each is in the log once; a large file, a compressed one, one
    that is missing; new workers on SIGHUP; the end on SIGQUIT."""
    need("ab", "curl")
    port, folder = _free_port(), tmp_path
    folder.chmod(0o755)
    (folder / "www").mkdir()
    (folder / "www" / "index.html").write_bytes(b"hello\n")
    (folder / "www" / "noise").write_bytes(data.noise(300_000))
    user = pwd.getpwuid(os.getuid()).pw_name
    configuration = NGINX.format(user=user, group=getgrgid(os.getgid()).gr_name, folder=folder, port=port)
    (folder / "nginx.conf").write_text(configuration)
    address = f"http://127.0.0.1:{port}/"
    with _serving(foreign_compilers, "usr/sbin/nginx", port, "-c", str(folder / "nginx.conf"), "-p", str(folder), "-e", "stderr") as server:
        fresh, kept = _says("ab", "-q", "-n", str(REQUESTS), "-c", "20", address), _says("ab", "-q", "-k", "-n", "500", "-c", "20", f"{address}noise")
        for report, count in ((fresh, REQUESTS), (kept, 500)):
            assert f"Complete requests:      {count}\nFailed requests:        0\n" in report
        assert subprocess.run(["curl", "-s", f"{address}noise"], check=True, capture_output=True).stdout == data.noise(300_000)
        assert "Content-Encoding: gzip" in _says("curl", "-s", "--compressed", "-i", address)
        assert _says("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"{address}missing") == "404"
        server.send_signal(1)
        assert _says("curl", "-s", "--retry", "3", address) == "hello\n"
        server.send_signal(3)
        assert server.wait(PATIENCE) == 0
        assert len((folder / "access").read_bytes().splitlines()) == REQUESTS + 500 + 4


def test_gdbserver_is_refused(foreign_compilers: Foreign) -> None:
    """ptrace is refused (ARCHITECTURE.md, "The personality"): the child in which gdbserver tries it says so in one line and ends, where it would wait stopped
    for ever; so gdbserver ends with its status of failure, 1."""
    runner = miniload(foreign_compilers.root)
    command = runner.command(["gdbserver", f"127.0.0.1:{_free_port()}", "true"])
    assert command is not None
    done = run(command[0], foreign_compilers.scratch, Line(""))
    assert (done.status, done.stdout) == (1, b"")
    first, *rest = done.stderr.decode().splitlines()
    assert re.fullmatch(r"miniload: .*/gdbserver: stops for a tracer that it cannot have: ptrace is not served: .*", first)
    assert rest[-1] == "Exiting"
    assert not any("miniload" in line for line in rest)
