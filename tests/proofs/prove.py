#!/usr/bin/env python3
"""Proves what README.md lists, of all inputs, and that the model it is proved of does as the C++.

    tests/proofs/run
"""
import itertools
import pathlib
import random
import subprocess
import sys
import tempfile

import z3

import wire_model as model
from wire_model import OK, Numbers, Symbols, code

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
passed = failed = 0


def report(name, good, detail=""):
    global passed, failed
    passed, failed = passed + good, failed + (not good)
    if not good:
        print(f"NOT PROVED: {name} {detail}")


def prove(name, claim, *given):
    solver = z3.Solver()
    solver.set("timeout", 60_000)
    solver.add(*given, z3.Not(claim))
    answer = solver.check()
    report(name, answer == z3.unsat, str(solver.model())[:500] if answer == z3.sat else str(answer))


# ---- the cursor, for any bytes of any size, from any place in them


def place(w):
    """Where a cursor can stand, in what can be an object."""
    at = z3.BitVec("at", 64)
    return at, [z3.ULE(at, w.size), z3.ULT(w.size, 1 << 63)]


def prove_obligations(what, w, given):
    for name, group in itertools.groupby(sorted(w.obligations, key=lambda o: o[0]), key=lambda o: o[0]):
        prove(f"{what}: {name}", z3.And(*(claim for _, claim in group)), *given)


def prove_moves(what, w, at, given, result):
    ok, after = result[0] == w.word(code(OK)), result[-1]
    prove(f"{what}: a success moves on, by no more than there is", z3.Implies(ok, z3.And(z3.UGT(after, at), z3.ULE(after, w.size))), *given)
    prove(f"{what}: a failure leaves the cursor where it was", z3.Implies(z3.Not(ok), after == at), *given)


def prove_cursor():
    w = Symbols(z3)
    at, given = place(w)
    result = model.whole_varint(w, at, z3.BoolVal(True))
    prove_obligations("varint", w, given)
    prove_moves("varint", w, at, given, result)
    prove("varint: what the proofs below know of it", w.varint_contract(at, result), *given)
    for what, function in (
        ("fixed 4", lambda w, at, when: model.fixed(w, at, 4, when)),
        ("fixed 8", lambda w, at, when: model.fixed(w, at, 8, when)),
        ("field of any length", model.field_of_any_length),
        ("field", model.field),
    ):
        w = Symbols(z3, by_contract="field" if function is model.field else "varint")
        at, given = place(w)
        result = function(w, at, z3.BoolVal(True))
        given += w.assumed
        prove_obligations(what, w, given)
        if len(result) == 7:
            for i, claim in enumerate(w.field_contract(at, result)):
                prove(f"{what}: moves on by no more than there is, its payload a part of the bytes ({i})", claim, *given)
        else:
            prove_moves(what, w, at, given, result)
    w = Symbols(z3, by_contract="varint")
    at, given = place(w)
    short, general = model.field(w, at, z3.BoolVal(True)), model.field_of_any_length(w, at, z3.BoolVal(True))
    given += w.assumed
    prove("short fields are read as those of any length are", z3.And(*(w.word(a) == w.word(b) for a, b in zip(short, general))), *given)


# ---- lengths: of include/tinymlp/onnx/tensor.hpp and packing.hpp

MAX_ELEMENTS = 1 << 31


def prove_dimensions():
    # in unbounded integers: what stays below 2^64 there does not wrap in a word
    count, dim, most = z3.Ints("count dim most")
    given = [count >= 1, count <= MAX_ELEMENTS, most == MAX_ELEMENTS / count, dim >= 1, dim <= most]
    by_division = most * count <= MAX_ELEMENTS
    prove("the division that bounds a dimension", by_division, *given[:3])
    prove("the product stays within 1 and the most elements", z3.And(count * dim >= 1, count * dim <= MAX_ELEMENTS), *given, by_division)
    prove("a dimension fits 32 bits", dim < 2**32, *given)
    prove("a length in bytes does not wrap", count * 8 < 2**64, *given)


def prove_decimals():
    value, digit = z3.BitVec("value", 64), z3.BitVec("digit", 64)
    for digits in range(18):  # read so far: at most 18 are
        given = [z3.ULT(value, 10**digits), z3.ULE(digit, 9)]
        prove(f"{digits + 1} decimal digits do not wrap", z3.And(z3.BVMulNoOverflow(value, z3.BitVecVal(10, 64), False),
              z3.BVAddNoOverflow(value * 10, digit, False), z3.ULT(value * 10 + digit, 10 ** (digits + 1))), *given)


def prove_external():
    size, offset, length = z3.BitVecs("size offset length", 64)
    has_length = z3.Bool("has_length")
    rest = size - offset
    taken = z3.If(has_length, length, rest)
    accepted = z3.And(z3.ULE(offset, size), z3.ULE(taken, rest))
    prove("external data lies within its file", z3.Implies(accepted, z3.And(z3.ULE(offset + taken, size), z3.UGE(offset + taken, offset))))


def prove_elements():
    size, at = z3.BitVecs("size at", 64)
    for width in (1, 2, 4, 8):
        read = z3.Not(z3.ULT(size - at, width))
        prove(f"raw elements of {width} bytes are read within the data", z3.Implies(read, z3.And(z3.ULE(at + width, size), z3.UGT(at + width, at))), z3.ULE(at, size))


def prove_packing():
    """A weight's elements: [in, all] or, transposed, [all, in]; a layer keeps `out` of them from `begin`."""
    rows, outputs, kept, begin, k, o = z3.Ints("rows outputs kept begin k o")
    given = [rows >= 1, outputs >= 1, kept >= 1, begin >= 0, begin + kept <= outputs, k >= 0, k < rows, o >= 0, o < kept]
    elements = rows * outputs  # checked: as many as the data has
    for name, index in (("as it is", k * outputs + begin + o), ("transposed", (begin + o) * rows + k)):
        prove(f"an element of a weight {name} is one of the tensor's", z3.And(index >= 0, index < elements), *given)
    # The row length is count / in, whatever dimensions the file gives (they may be another's):
    prove("the row length of a weight", z3.Implies(elements / rows * rows == elements, elements / rows == outputs), rows >= 1, outputs >= 1)


# ---- the model against the C++


def buffers():
    yield b""
    yield from (bytes([b]) for b in range(256))
    edges = (0, 1, 2, 3, 5, 7, 8, 9, 10, 13, 15, 0x7F, 0x80, 0x81, 0x82, 0x85, 0xFE, 0xFF)
    yield from (bytes([a, b]) for a in range(256) for b in range(256) if a in edges or b in edges)
    yield from (bytes(b) for b in itertools.product(edges, repeat=3))
    rng = random.Random(7)
    for _ in range(6000):
        n = rng.randrange(3, 24)
        any_of = rng.choice((edges, (0x80, 0xFF, 1, 0), range(256)))
        yield bytes(rng.choice(any_of) for _ in range(n))


def modelled(buffer):
    w = Numbers(buffer)
    numbers = [*model.varint(w, 0, True), *model.fixed(w, 0, 4, True), *model.fixed(w, 0, 8, True)]
    return numbers + list(model.field(w, 0, True))


def compare_with_cpp(compiler):
    cases = list(buffers())
    rng = random.Random(8)
    values = [0, 1, 2, 3, 255, 65536, MAX_ELEMENTS - 1, MAX_ELEMENTS, MAX_ELEMENTS + 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1]
    values += [rng.getrandbits(rng.randrange(1, 64)) for _ in range(60)]
    dimensions = [(c, d) for c in values if 1 <= c <= MAX_ELEMENTS for d in values]
    decimals = ["0", "9" * 18, "9" * 19, "1" + "0" * 18, "12x", "-1", "+1", "007"] + [str(v) for v in values]
    with tempfile.TemporaryDirectory() as folder:
        program = f"{folder}/driver"
        subprocess.run([compiler, "-std=c++20", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
                        f"-I{ROOT / 'include'}", str(HERE / "wire_driver.cpp"), "-o", program], check=True)
        lines = [b.hex() or "-" for b in cases] + [f"dimension {c} {d}" for c, d in dimensions] + [f"decimal {t}" for t in decimals]
        done = subprocess.run([program], input="\n".join(lines), capture_output=True, text=True, check=False)
    out = done.stdout.splitlines()
    report("the C++ answers everything, without a word from the sanitizers", done.returncode == 0 and len(out) == len(lines),
           done.stderr[:2000])
    wrong = [c.hex() for c, line in zip(cases, out) if [int(v) for v in line.split()] != modelled(c)]
    report(f"the model reads {len(cases)} buffers as the C++ does", not wrong, str(wrong[:5]))
    rest = iter(out[len(cases):])
    wrong = []
    for c, d in dimensions:
        good = 0 < d < 2**63 and d <= MAX_ELEMENTS // c
        if next(rest, None) != (f"1 {c * d} {d}" if good else f"0 {c} 0"):
            wrong.append((c, d))
    report(f"the model accepts {len(dimensions)} dimensions as the C++ does", not wrong, str(wrong[:5]))
    wrong = []
    for t in decimals:
        good = t.isdigit() and len(t) <= 18
        if next(rest, None) != (f"1 {int(t)}" if good else "0 0"):
            wrong.append(t)
    report(f"the model reads {len(decimals)} decimals as the C++ does", not wrong and next(rest, None) is None, str(wrong[:5]))


def main():
    prove_cursor()
    prove_dimensions()
    prove_decimals()
    prove_external()
    prove_elements()
    prove_packing()
    compare_with_cpp(sys.argv[1] if len(sys.argv) > 1 else "g++")
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
