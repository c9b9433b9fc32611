#!/usr/bin/env python3
"""Write text files as C++ functions that return them: embed_texts.py OUTPUT NAME=FILE ...

Each NAME becomes `std::string_view tinymlp::tools::NAME() noexcept`.
"""
import json
import pathlib
import sys

FUNCTION = """\
std::string_view {name}() noexcept {{
  static constexpr char text[] =
{lines};
  return {{text, sizeof text - 1}};
}}
"""


def literal(line):
    escaped = json.dumps(line)  # ASCII; its only escapes beyond C++'s are \\uXXXX
    if "\\u" in escaped:
        raise SystemExit(f"not ASCII: {line!r}")
    return "      " + escaped.replace("??", "?\\?")


def main():
    output, *pairs = sys.argv[1:]
    parts = ['#include "system/built_in.hpp"\n\nnamespace tinymlp::tools {\n']
    for name, path in (pair.split("=", 1) for pair in pairs):
        text = pathlib.Path(path).read_text(encoding="utf-8")
        parts.append(FUNCTION.format(name=name, lines="\n".join(
            literal(line) for line in text.splitlines(keepends=True))))
    parts.append("} // namespace tinymlp::tools\n")
    pathlib.Path(output).write_text("\n".join(parts), encoding="utf-8")


main()
