#!/usr/bin/env python3
"""The program's rooms use each other one way only: tools/program/README.md lists them, from the commands
down, and a file includes from its own room and from those below it."""
import pathlib
import re
import unittest

PROGRAM = pathlib.Path(__file__).resolve().parents[1] / "tools" / "program"
INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)


def rooms():
    """Names from the top down, as the README's list has them."""
    text = (PROGRAM / "README.md").read_text("utf-8")
    listed = text.split("## Where things are", 1)[1]
    return re.findall(r"^    ([a-z]+)/ ", listed, re.MULTILINE)


def files():
    return sorted(p for p in PROGRAM.rglob("*") if p.suffix in (".cpp", ".hpp"))


def includes(path):
    """Program files that it includes; a generated file's own header counts as system/."""
    return [i for i in INCLUDE.findall(path.read_text("utf-8")) if (PROGRAM / i).exists()]


class Rooms(unittest.TestCase):
    def test_every_room_is_listed_and_every_listed_room_exists(self):
        there = sorted({p.relative_to(PROGRAM).parts[0] for p in files()
                        if len(p.relative_to(PROGRAM).parts) > 1})
        self.assertEqual(sorted(rooms()), there)

    def test_only_the_entry_stands_outside_the_rooms(self):
        outside = sorted(p.name for p in files() if p.parent == PROGRAM)
        self.assertEqual(outside, ["commands.hpp", "main.cpp"])

    def test_includes_point_down(self):
        order = {name: i for i, name in enumerate(rooms())}
        wrong = []
        for path in files():
            parts = path.relative_to(PROGRAM).parts
            if len(parts) == 1:
                continue
            for other in includes(path):
                if other == "commands.hpp" and parts[0] == "commands":
                    continue
                if order.get(pathlib.Path(other).parts[0], -1) < order[parts[0]]:
                    wrong.append(f"{'/'.join(parts)} includes {other}")
        self.assertEqual(wrong, [])

    def test_no_header_includes_itself_by_way_of_others(self):
        uses = {p.relative_to(PROGRAM).as_posix(): includes(p) for p in files()}
        headers = {name: [u for u in used if u.endswith(".hpp")] for name, used in uses.items()}

        def reaches(start):
            seen, stack = set(), list(headers[start])
            while stack:
                name = stack.pop()
                if name not in seen:
                    seen.add(name)
                    stack += headers.get(name, [])
            return seen
        circular = [name for name in headers if name.endswith(".hpp") and name in reaches(name)]
        self.assertEqual(circular, [])


if __name__ == "__main__":
    unittest.main()
