#!/usr/bin/env python3
"""Large networks in constant expressions, at each compiler's own limits: 50,000 parameters, as a
deduced mlp and as network<...>. Without arguments by g++ and clang++; exits with 77 if neither is
there.
"""
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "cli"))
from onnx_bytes import encode  # noqa: E402

SHAPES = {"mlp": ([128, 256, 64, 10], "Tanh"), "network": ([128, 256, 64, 1], "Relu")}
MAIN = """\
#include <tinymlp/load.hpp>
#include "model.hpp"
constexpr auto net = tinymlp::embed<model>();
static_assert(net.parameter_count == {parameters} && {about});
int main() {{}}
"""


def tensor(name, dims, values):
    raw = struct.pack(f"<{len(values)}f", *values)
    return encode([*((1, 0, d) for d in dims), (2, 0, 1), (8, 2, name), (9, 2, raw)])


def value(name, width):
    dims = encode([(1, 2, encode([(2, 2, b"N")])), (1, 2, encode([(1, 0, width)]))])
    kind = encode([(1, 2, encode([(1, 0, 1), (2, 2, dims)]))])
    return encode([(1, 2, name), (2, 2, kind)])


def model(sizes, activation):
    random.seed(1)
    graph, x = [], b"x"
    for l, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
        w, b, h = (f"{n}{l}".encode() for n in "wbh")
        weights = [random.uniform(-0.1, 0.1) for _ in range(inputs * outputs)]
        graph += [(5, 2, tensor(w, [outputs, inputs], weights)),
                  (5, 2, tensor(b, [outputs], [0.5] * outputs))]
        transposed = encode([(1, 2, b"transB"), (3, 0, 1), (20, 0, 2)])
        graph.append((1, 2, encode([(1, 2, x), (1, 2, w), (1, 2, b), (2, 2, h), (4, 2, b"Gemm"),
                                    (5, 2, transposed)])))
        x = h
        if l + 2 < len(sizes):
            x = f"a{l}".encode()
            graph.append((1, 2, encode([(1, 2, h), (2, 2, x), (4, 2, activation.encode())])))
    graph += [(2, 2, b"graph"), (11, 2, value(b"x", sizes[0])), (12, 2, value(x, sizes[-1]))]
    return encode([(1, 0, 8), (7, 2, encode(graph)), (8, 2, encode([(2, 0, 17)]))])


def literal(data):
    """As `tinymlp embed` writes it: octal, so that no escape runs into what follows."""
    text = "".join(f"\\{byte:03o}" for byte in data)
    lines = (text[i:i + 96] for i in range(0, len(text), 96))
    return "inline constexpr char model[] =\n" + "\n".join(f'"{line}"' for line in lines) + ";\n"


def main():
    compilers = [c for c in sys.argv[1:] or ["g++", "clang++"] if shutil.which(c)]
    if not compilers:
        sys.exit(77)
    failed = 0
    for name, (sizes, activation) in SHAPES.items():
        parameters = sum((a + 1) * b for a, b in zip(sizes, sizes[1:]))
        about = "net.outputs == 10" if name == "mlp" else "net.bias(0, 0) == 0.5F"
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "model.hpp").write_text(literal(model(sizes, activation)))
            (folder / "main.cpp").write_text(MAIN.format(parameters=parameters, about=about))
            for compiler in compilers:
                done = subprocess.run(
                    [compiler, "-std=c++20", "-fsyntax-only", f"-I{ROOT / 'include'}",
                     str(folder / "main.cpp")], capture_output=True, text=True, check=False)
                failed += done.returncode != 0
                print(f"{'ok' if done.returncode == 0 else 'FAIL'}: {compiler} {name} "
                      f"{'-'.join(map(str, sizes))}, {parameters} parameters {done.stderr[:2000]}")
    print(f"{len(SHAPES) * len(compilers) - failed} passed, {failed} failed")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
