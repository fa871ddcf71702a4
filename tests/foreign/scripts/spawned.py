"""multiprocessing by fresh interpreters, which read this file again."""

import multiprocessing


def work(queue, n: int) -> None:
    queue.put(n * n)


if __name__ == "__main__":
    spawn = multiprocessing.get_context("spawn")
    queue = spawn.SimpleQueue()
    worker = spawn.Process(target=work, args=(queue, 12))
    worker.start()
    print(queue.get())
    worker.join()
    print(worker.exitcode)
