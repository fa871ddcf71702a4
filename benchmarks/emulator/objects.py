"""What a Python interpreter does all day: objects, attributes, calls, dicts, lists, strings, floats. `objects.py ROUNDS` prints a checksum that is the
same with every Python."""

import sys


class Shape:
    """Has an area."""

    def __init__(self, name: str) -> None:
        self.name = name

    def area(self) -> float:
        return 0.0


class Rectangle(Shape):
    def __init__(self, width: float, height: float) -> None:
        super().__init__("rectangle")
        self.width, self.height = width, height

    def area(self) -> float:
        return self.width * self.height


class Circle(Shape):
    def __init__(self, radius: float) -> None:
        super().__init__("circle")
        self.radius = radius

    def area(self) -> float:
        return 3.0 * self.radius * self.radius


def areas(count: int) -> float:
    """Objects made, kept in a list, asked by a virtual call."""
    shapes = [Circle(number % 10) if number % 3 else Rectangle(number % 7, number % 5) for number in range(count)]
    total = {"circle": 0.0, "rectangle": 0.0}
    for shape in shapes:
        total[shape.name] += shape.area()
    return total["circle"] - total["rectangle"]


def words(count: int) -> int:
    """Strings cut and joined, counted in a dict, sorted."""
    text = " ".join(f"word{number * number % 97}" for number in range(count))
    counts: dict[str, int] = {}
    for word in text.upper().split():
        counts[word] = counts.get(word, 0) + 1
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return sum(index * number + len(word) for index, (word, number) in enumerate(ordered))


def orbit(count: int) -> float:
    """Floats in local variables: a body on its way around another."""
    x, y, speed_x, speed_y, step = 1.0, 0.0, 0.0, 1.0, 0.001
    for _ in range(count):
        pull = -step / (x * x + y * y) ** 1.5
        speed_x += x * pull
        speed_y += y * pull
        x += speed_x * step
        y += speed_y * step
    return x + y


def queens(size: int, row: int = 0, columns: int = 0, left: int = 0, right: int = 0) -> int:
    """Recursion and integers: in how many ways that many queens fit on a board."""
    if row == size:
        return 1
    found = 0
    for column in range(size):
        bit = 1 << column
        if not (columns | left | right) & bit:
            found += queens(size, row + 1, columns | bit, (left | bit) << 1, (right | bit) >> 1)
    return found


def main() -> None:
    for _ in range(int(sys.argv[1])):
        print(areas(4000), words(4000), round(orbit(4000), 6), queens(6))


main()
