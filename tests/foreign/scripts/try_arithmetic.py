"""Integers, floats, decimals, fractions."""

import decimal
import fractions
import math
import random
import statistics

print(sum(i * i for i in range(2000)), 3**200, 7.0 / 3, round(2.675, 2), float("inf"), -0.0, 1e22, 5e-324)
print(*(f"{f(0.7):.12f}" for f in (math.sin, math.cos, math.tan, math.exp, math.log, math.gamma, math.atan)), math.isqrt(10**30), math.pi)
decimal.getcontext().prec = 50
print(decimal.Decimal(2).sqrt(), decimal.Decimal(1) / 7, decimal.Decimal("1e400") * 3, fractions.Fraction(3, 9) + 1)
print(statistics.mean([1, 2, 4]), random.Random(5).random(), random.Random(6).sample(range(100), 5))
try:
    decimal.Decimal(1) / 0
except decimal.DivisionByZero as error:
    print(type(error).__name__)
print((255).to_bytes(4, "little"), int.from_bytes(b"\xff\x00", "big"), hex(-(2**63)), float.fromhex("0x1.8p3"), divmod(-7, 3))
