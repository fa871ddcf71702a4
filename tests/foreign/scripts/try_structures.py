"""Containers, pickles, dates, coroutines, deep recursion."""

import ast
import asyncio
import collections
import dataclasses
import datetime
import functools
import gc
import heapq
import itertools
import pickle

print(collections.Counter("mississippi").most_common(2), heapq.nsmallest(3, range(9, 0, -1)), list(itertools.permutations("abc", 2))[:3])


@functools.lru_cache(None)
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


print(
    fibonacci(90),
    pickle.loads(pickle.dumps({1: [2, (3,)]})),
    datetime.date(2024, 2, 29) + datetime.timedelta(366),
    datetime.datetime.fromtimestamp(0, datetime.timezone.utc).isoformat(),
)


@dataclasses.dataclass(order=True)
class Point:
    x: int
    y: int = 2


print(Point(1) < Point(2), Point(3), ast.unparse(ast.parse("x=1+ 2")), eval("[i for i in range(3)]"))


async def task(n):
    await asyncio.sleep(0)
    return n


async def main():
    return await asyncio.gather(*(task(i) for i in range(4)))


print(asyncio.run(main()), gc.collect() >= 0)


def deep(n):
    return n and deep(n - 1) + 1


print(deep(800))
try:
    deep(10**6)
except RecursionError:
    print("RecursionError")
raise SystemExit("the last words")
