"""Files, pipes, sockets, locks, mappings, errors."""

import errno
import fcntl
import mmap
import os
import pathlib
import resource
import select
import shutil
import socket
import sys
import time

print(
    sorted(os.listdir(".")), os.stat("a.txt").st_size, oct(os.stat("b.txt").st_mode), os.readlink("link"), os.path.realpath("link") == os.path.abspath("a.txt")
)
with open("made", "w+b") as file:
    file.write(b"x" * 5000)
    file.flush()
    with mmap.mmap(file.fileno(), 0) as view:
        view[10:13] = b"abc"
        view.flush()
        print(view.find(b"c"), len(view))
    fcntl.flock(file, fcntl.LOCK_EX)
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    print(os.pread(file.fileno(), 5, 9), os.sendfile(os.open("copy", os.O_WRONLY | os.O_CREAT), file.fileno(), 0, 100))
reader, writer = os.pipe()
os.write(writer, b"through a pipe")
print(select.select([reader], [], [], 1)[0] == [reader], os.read(reader, 100))
poll = select.epoll()
poll.register(reader, select.EPOLLIN)
print(poll.poll(0))
os.write(writer, b"1")
print(poll.poll(1) == [(reader, 1)])
a, b = socket.socketpair()
a.sendall(b"hello")
print(b.recv(9))
a.close()
print(b.recv(9))
listener = socket.create_server(("127.0.0.1", 0))
peer = socket.create_connection(listener.getsockname())
served, _ = listener.accept()
peer.sendmsg([b"scattered ", b"parts"])
print(served.recv(99), served.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE))
for bad in ("missing/x", "a.txt/x", "sub"):
    try:
        os.open(bad, os.O_WRONLY)
    except OSError as error:
        print(errno.errorcode[error.errno], error.strerror, error.filename)
shutil.copytree("sub", "copied", symlinks=True)
shutil.rmtree("copied")
pathlib.Path("touched").touch()
os.utime("touched", (3, 4))
print(os.stat("touched").st_mtime)
print(
    sys.argv,
    sys.byteorder,
    sys.maxsize,
    os.getpid() > 1,
    time.gmtime(0)[:6],
    time.monotonic() > 0,
    resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 0,
    sys.executable,
)
sys.stderr.write("to stderr\n")
sys.exit(9)
