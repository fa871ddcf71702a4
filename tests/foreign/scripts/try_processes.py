"""Child processes: subprocess with pipes, limits, errors and signals; multiprocessing by fork with its queues, locks, pools and shared memory."""

import multiprocessing
import os
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor

print(subprocess.run(["sort", "-r"], input="a\nb\n", text=True, capture_output=True))
print(subprocess.run("echo out; echo err >&2; exit 3", shell=True, capture_output=True))
print(subprocess.run(["sh", "-c", "kill -9 $$"]).returncode, subprocess.call(["false"]), subprocess.getstatusoutput("echo x; exit 2"))
try:
    subprocess.run(["sleep", "30"], timeout=0.05)
except subprocess.TimeoutExpired:
    print("timed out")
for command in (["/no/such/program"], ["."]):
    try:
        subprocess.run(command)
    except OSError as error:
        print(error)
try:
    subprocess.run(["true"], cwd="/no/such/folder")
except OSError as error:
    print(error)
first = subprocess.Popen(["seq", "1000"], stdout=subprocess.PIPE)
second = subprocess.Popen(["wc", "-l"], stdin=first.stdout, stdout=subprocess.PIPE, text=True)
first.stdout.close()
print(second.communicate()[0].strip(), first.wait())
session = subprocess.Popen(["sleep", "30"], start_new_session=True)
print(os.getsid(session.pid) == session.pid)
session.send_signal(signal.SIGTERM)
print(session.wait())
reader, writer = os.pipe()
subprocess.run(["sh", "-c", f"echo passed >&{writer}"], pass_fds=[writer])
print(os.read(reader, 100), subprocess.run(["env"], env={"ONLY": "this"}, capture_output=True).stdout)
sys.stdout.flush()
child = os.posix_spawn("/bin/sh", ["sh", "-c", "exit 6"], os.environ, setpgroup=0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def square(n: int) -> int:
    return n * n


def serve(tasks, done, lock, total) -> None:
    for n in iter(tasks.get, None):
        with lock:
            total.value += n
        done.put((n, n * n))


fork = multiprocessing.get_context("fork")
tasks, done, lock, total = fork.Queue(), fork.Queue(), fork.Lock(), fork.Value("l", 0)
workers = [fork.Process(target=serve, args=(tasks, done, lock, total)) for _ in range(3)]
for worker in workers:
    worker.start()
for n in range(60):
    tasks.put(n)
for _ in workers:
    tasks.put(None)
print(sum(done.get()[1] for _ in range(60)), total.value)
for worker in workers:
    worker.join()
print([worker.exitcode for worker in workers])
with fork.Pool(2) as pool:
    print(pool.map(square, range(20)), pool.apply_async(square, (7,)).get(30))
with ProcessPoolExecutor(2, mp_context=fork) as pool:
    print(sum(pool.map(square, range(50))))
ours, theirs = fork.Pipe()
worker = fork.Process(target=lambda: theirs.send([theirs.recv(), "back"]))
worker.start()
ours.send({"a": 1})
print(ours.recv())
worker.join()
barrier = fork.Barrier(3)
workers = [fork.Process(target=barrier.wait) for _ in range(2)]
for worker in workers:
    worker.start()
barrier.wait(30)
for worker in workers:
    worker.join()
dying = fork.Process(target=os.abort)
dying.start()
dying.join()
waiting = fork.Process(target=signal.pause)
waiting.start()
waiting.terminate()
waiting.join()
print(dying.exitcode, waiting.exitcode, multiprocessing.active_children())
sys.exit(5)
