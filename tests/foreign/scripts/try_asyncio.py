"""asyncio: a server and its clients, children, signals, time limits, a thread pool, cancellation."""

import asyncio
import os
import signal
import sys


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write((await reader.readline()).upper())
    await writer.drain()
    writer.close()


async def ask(port: int, n: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"request %d\n" % n)
    answer = await reader.read()
    writer.close()
    return answer


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print(await asyncio.gather(*(ask(port, n) for n in range(20))))
    server.close()
    child = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    print(await child.communicate(b"through a child" * 10000) == (b"through a child" * 10000, None), child.returncode)
    shells = [await asyncio.create_subprocess_shell(f"exit {n}") for n in range(4)]
    print([await shell.wait() for shell in shells])
    child = await asyncio.create_subprocess_exec("sleep", "30")
    child.kill()
    print(await child.wait())
    try:
        await asyncio.wait_for(asyncio.sleep(30), 0.02)
    except asyncio.TimeoutError:
        print("timeout")
    loop, came = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR1, came.set)
    os.kill(os.getpid(), signal.SIGUSR1)
    await came.wait()
    print(await loop.run_in_executor(None, pow, 2, 10), came.is_set())
    task = asyncio.create_task(asyncio.sleep(30))
    await asyncio.sleep(0)
    task.cancel()
    print(await asyncio.gather(task, return_exceptions=True))
    order: asyncio.Queue[int] = asyncio.Queue(2)

    async def produce() -> None:
        for n in range(5):
            await order.put(n)

    producing = asyncio.create_task(produce())
    print([await order.get() for _ in range(5)])
    await producing


asyncio.run(main())
sys.exit(6)
