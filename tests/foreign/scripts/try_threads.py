"""Threads: a queue, a barrier, a condition, semaphores, locals, pools, an exception, a daemon that is left behind."""

import queue
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

work: queue.Queue = queue.Queue(10)
results = []


def take() -> None:
    for n in iter(work.get, None):
        results.append(n * n)
        work.task_done()


threads = [threading.Thread(target=take, name=f"worker {n}") for n in range(8)]
for thread in threads:
    thread.start()
for n in range(500):
    work.put(n)
work.join()
for _ in threads:
    work.put(None)
for thread in threads:
    thread.join()
print(sum(results), threading.active_count(), sorted(thread.name for thread in threads))

barrier, condition, met = threading.Barrier(4), threading.Condition(), []


def meet(n: int) -> None:
    barrier.wait()
    with condition:
        met.append(n)
        condition.notify_all()


for n in range(4):
    threading.Thread(target=meet, args=(n,)).start()
with condition:
    print(condition.wait_for(lambda: len(met) == 4, 30), sorted(met))

gate, most, inside, lock = threading.BoundedSemaphore(3), 0, 0, threading.Lock()


def enter() -> None:
    global most, inside
    with gate:
        with lock:
            inside += 1
            most = max(most, inside)
        time.sleep(0.001)
        with lock:
            inside -= 1


threads = [threading.Thread(target=enter) for _ in range(12)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(most <= 3, inside)

with ThreadPoolExecutor(4) as pool:
    print(sum(pool.map(lambda n: n * n, range(200))))
    print(sorted(future.result() for future in as_completed([pool.submit(pow, 2, n) for n in range(8)])))
    failed = pool.submit(lambda: 1 // 0)
    print(repr(failed.exception()))

own, seen = threading.local(), []


def alone() -> None:
    seen.append(hasattr(own, "value"))
    own.value = 1


own.value = 0
thread = threading.Thread(target=alone)
thread.start()
thread.join()
print(seen, own.value)

event = threading.Event()
timer = threading.Timer(0.02, event.set)
timer.start()
print(event.wait(30), event.wait(0), lock.acquire(timeout=0.01), lock.acquire(timeout=0.01))

sys.setswitchinterval(0.0005)
turns = [0, 0]


def spin(n: int) -> None:
    for _ in range(3000):
        turns[n] += 1


threads = [threading.Thread(target=spin, args=(n,)) for n in (0, 1)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(turns)
threading.excepthook = lambda given: print("hook", given.exc_type.__name__, given.thread.name)
thread = threading.Thread(target=lambda: [].pop(), name="failing")
thread.start()
thread.join()
threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
sys.exit(4)
