"""include/tinymlp/protobuf.hpp's cursor, and the length arithmetic behind it, once more: functions
over either numbers or z3's bit vectors, so that what is proved of all inputs is what is compared with
the C++ on many (wire_driver.cpp). Every read of a byte, every shift and every sum that must not wrap
is told to `see`, with the condition under which it happens.
"""

WORD = 64
OK, TRUNCATED, BAD_VARINT, BAD_FIELD = "ok", "truncated", "bad_varint", "bad_field"
CODES = [OK, TRUNCATED, BAD_VARINT, BAD_FIELD]
VARINT, FIXED64, DELIMITED, FIXED32 = 0, 1, 2, 5


class Numbers:
    """Python's integers as 64-bit words."""

    def __init__(self, buffer):
        self.buffer = buffer
        self.size = len(buffer)

    def word(self, value):
        return value

    def read(self, at, when):
        if not when:
            return 0
        return self.buffer[at] if at < self.size else self.fault("read beyond the bytes")

    def see(self, name, condition, when):
        if when and not condition:
            self.fault(name)

    def fault(self, name):
        raise AssertionError(name)

    def add(self, a, b):
        return (a + b) & (2**WORD - 1)

    def sub(self, a, b):
        return (a - b) & (2**WORD - 1)

    def shl(self, a, n):
        return a << n & (2**WORD - 1)

    def shr(self, a, n):
        return a >> n

    def bits_and(self, a, b):
        return a & b

    def bits_or(self, a, b):
        return a | b

    def less(self, a, b):
        return a < b

    def equal(self, a, b):
        return a == b

    def both(self, *all_of):
        return all(all_of)

    def either(self, *any_of):
        return any(any_of)

    def no(self, a):
        return not a

    def choose(self, condition, then, otherwise):
        return then if condition else otherwise


class Symbols:
    """z3's bit vectors: any buffer of any size that an object can have."""

    def __init__(self, z3, by_contract=False):
        self.z3 = z3
        self.by_contract = by_contract
        self.assumed = []
        self.memory = z3.Array("memory", z3.BitVecSort(WORD), z3.BitVecSort(8))
        self.size = z3.BitVec("size", WORD)
        self.obligations = []  # (name, what must hold)

    def known_varint(self, at):
        """Some result that a varint at `at` has, of which only varint_contract() is known."""
        at = self.word(at)
        word = self.z3.BitVecSort(WORD)
        result = tuple(self.z3.Function(f"varint_{what}", word, word)(at) for what in ("code", "value", "place"))
        self.assumed.append(self.varint_contract(at, result))
        return result

    def known_field(self, at):
        word = self.z3.BitVecSort(WORD)
        parts = ("code", "number", "kind", "value", "payload", "size", "place")
        result = tuple(self.z3.Function(f"field_{part}", word, word)(self.word(at)) for part in parts)
        self.assumed += self.field_contract(self.word(at), result)
        return result

    def field_contract(self, at, result):
        z3 = self.z3
        e, number, kind, _, payload, size, after = (self.word(x) for x in result)
        ok, payload_too = e == code(OK), z3.And(e == code(OK), kind == DELIMITED)
        claims = [
            z3.Implies(ok, z3.UGT(after, at)),
            z3.Implies(ok, z3.ULE(after, self.size)),
            z3.Implies(ok, z3.And(z3.UGE(number, 1), z3.ULT(number, 1 << 29))),
            z3.Implies(z3.Not(ok), after == at),
            z3.Implies(payload_too, z3.UGE(payload, at)),
            z3.Implies(payload_too, payload + size == after),
            z3.Implies(payload_too, z3.UGE(after, payload)),
        ]
        return [z3.Implies(z3.ULE(at, self.size), claim) for claim in claims]

    def varint_contract(self, at, result):
        z3, (e, value, after) = self.z3, (self.word(x) for x in result)
        ok = e == code(OK)
        first, second = (z3.ZeroExt(WORD - 8, z3.Select(self.memory, at + i)) for i in (0, 1))
        rest = self.size - at
        one = z3.And(z3.UGE(rest, 1), z3.ULT(first, 0x80))
        two = z3.And(z3.UGE(rest, 2), z3.UGE(first, 0x80), z3.ULT(second, 0x80))
        return z3.Implies(z3.ULE(at, self.size), z3.And(
            z3.ULE(e, len(CODES) - 1),
            z3.Implies(ok, z3.And(z3.UGT(after, at), z3.ULE(after, self.size), z3.ULE(after - at, 10))),
            z3.Implies(z3.Not(ok), after == at),
            z3.Implies(one, z3.And(ok, value == first, after == at + 1)),
            z3.Implies(two, z3.And(ok, value == ((first & 0x7F) | second << 7), after == at + 2)),
        ))

    def word(self, value):
        return self.z3.BitVecVal(value, WORD) if isinstance(value, int) else value

    def read(self, at, when):
        self.see("a byte is read within the bytes", self.less(at, self.size), when)
        return self.z3.ZeroExt(WORD - 8, self.z3.Select(self.memory, at))

    def see(self, name, condition, when):
        self.obligations.append((name, self.z3.Implies(when, condition)))

    def add(self, a, b):
        return self.word(a) + self.word(b)

    def sub(self, a, b):
        return self.word(a) - self.word(b)

    def shl(self, a, n):
        return self.word(a) << n

    def shr(self, a, n):
        return self.z3.LShR(self.word(a), n)

    def bits_and(self, a, b):
        return self.word(a) & b

    def bits_or(self, a, b):
        return self.word(a) | self.word(b)

    def less(self, a, b):
        return self.z3.ULT(self.word(a), self.word(b))

    def equal(self, a, b):
        return self.word(a) == self.word(b)

    def both(self, *all_of):
        return self.z3.And(*all_of)

    def either(self, *any_of):
        return self.z3.Or(*any_of)

    def no(self, a):
        return self.z3.Not(a)

    def choose(self, condition, then, otherwise):
        return self.z3.If(condition, self.word(then), self.word(otherwise))


def code(name):
    return CODES.index(name)


def merge(w, condition, then, otherwise):
    """Results (tuples of words), chosen between one by one."""
    return tuple(w.choose(condition, a, b) for a, b in zip(then, otherwise))


# Each of these takes the cursor's place and the condition under which it is called, and returns
# (code, ...outputs, place). Outputs count only where the code is OK.


def varint(w, at, when):
    """-> code, value, place. Where that has been proved by itself, what is known of it stands for it."""
    return w.known_varint(at) if isinstance(w, Symbols) and w.by_contract else whole_varint(w, at, when)


def whole_varint(w, at, when):
    """The first byte alone, a case of its own in the C++, is the loop's first."""
    result = (code(BAD_VARINT), 0, at)
    done, value, place = False, 0, at
    running = when
    finished = []
    for i in range(10):  # shift 0, 7, ..., 63
        ends = w.both(running, w.equal(place, w.size))
        finished.append((ends, (code(TRUNCATED), 0, at)))
        running = w.both(running, w.no(w.equal(place, w.size)))
        byte = w.read(place, running)
        w.see("the place does not wrap", w.less(place, w.add(place, 1)), running)
        place = w.add(place, 1)
        if i == 9:
            large = w.both(running, w.less(1, byte))
            finished.append((large, (code(BAD_VARINT), 0, at)))
            running = w.both(running, w.no(large))
        assert 7 * i < WORD  # no shift by the width of a word
        value = w.bits_or(value, w.shl(w.bits_and(byte, 0x7F), 7 * i))
        last = w.both(running, w.less(byte, 0x80))
        finished.append((last, (code(OK), value, place)))
        running = w.both(running, w.no(w.less(byte, 0x80)))
    for condition, outcome in reversed(finished):
        result = merge(w, condition, outcome, result)
    return result


def little_endian(w, at, width, when):
    value = 0
    for i in range(width):
        value = w.bits_or(value, w.shl(w.read(w.add(at, i), when), 8 * i))
    return value


def fixed(w, at, width, when):
    """-> code, value, place"""
    short = w.less(w.sub(w.size, at), width)
    value = little_endian(w, at, width, w.both(when, w.no(short)))
    return merge(w, short, (code(TRUNCATED), 0, at), (code(OK), value, w.add(at, width)))


def tag(w, at, when):
    """-> code, number, type, place"""
    e, value, place = varint(w, at, when)
    number, kind = w.shr(value, 3), w.bits_and(value, 7)
    bad = w.either(
        w.equal(number, 0),
        w.no(w.less(number, 1 << 29)),
        w.equal(kind, 3),
        w.equal(kind, 4),
        w.less(5, kind),
    )
    fine = merge(w, bad, (code(BAD_FIELD), 0, 0, at), (code(OK), number, kind, place))
    return merge(w, w.equal(e, code(OK)), fine, (e, 0, 0, at))


def delimited(w, at, when):
    """-> code, payload's place, payload's size, place"""
    e, size, place = varint(w, at, when)
    ok = w.equal(e, code(OK))
    long = w.less(w.sub(w.size, place), size)
    end = w.add(place, size)
    w.see("the end of a payload does not wrap", w.no(w.less(end, place)), w.both(when, ok, w.no(long)))
    w.see("a payload lies within the bytes", w.no(w.less(w.size, end)), w.both(when, ok, w.no(long)))
    fine = merge(w, long, (code(TRUNCATED), 0, 0, at), (code(OK), place, size, end))
    return merge(w, ok, fine, (e, 0, 0, at))


# A field: code, number, type, value, payload's place, payload's size, place.


def field_of_any_length(w, at, when):
    return w.known_field(at) if isinstance(w, Symbols) and w.by_contract == "field" else whole_field(w, at, when)


def whole_field(w, at, when):
    e, number, kind, place = tag(w, at, when)
    tagged = w.both(when, w.equal(e, code(OK)))
    is_kind = {k: w.equal(kind, k) for k in (VARINT, FIXED64, DELIMITED, FIXED32)}
    outcome = (e, 0, 0, 0, 0, 0, at)
    results = {}
    for k in (VARINT, FIXED64, FIXED32):
        here = w.both(tagged, is_kind[k])
        read = varint(w, place, here) if k == VARINT else fixed(w, place, 8 if k == FIXED64 else 4, here)
        results[k] = (read[0], number, kind, read[1], 0, 0, read[2])
    read = delimited(w, place, w.both(tagged, is_kind[DELIMITED]))
    results[DELIMITED] = (read[0], number, kind, 0, read[1], read[2], read[3])
    for k, result in results.items():
        failed = (result[0], 0, 0, 0, 0, 0, at)
        kept = merge(w, w.equal(result[0], code(OK)), result, failed)
        outcome = merge(w, w.both(tagged, is_kind[k]), kept, outcome)
    return outcome


def field(w, at, when):
    """next(): short fields first, each as the C++ has it, else of any length."""
    rest = w.sub(w.size, at)
    two = w.both(when, w.no(w.less(rest, 2)))
    first = w.read(at, two)
    second = w.read(w.add(at, 1), two)
    low = w.bits_and(first, 0x87)
    some = w.no(w.less(first, 8))
    paths = []

    condition = w.both(
        two, some, w.equal(low, 2), w.less(second, 0x80), w.no(w.less(w.sub(rest, 2), second))
    )
    paths.append((condition, (code(OK), w.shr(first, 3), DELIMITED, 0, w.add(at, 2), second, w.add(at, w.add(2, second)))))

    condition = w.both(two, some, w.equal(low, 0), w.less(second, 0x80))
    paths.append((condition, (code(OK), w.shr(first, 3), VARINT, second, 0, 0, w.add(at, 2))))

    three = w.both(
        two, w.equal(low, 0x80), w.less(second, 0x80), w.no(w.equal(second, 0)), w.no(w.less(rest, 3))
    )
    third = w.read(w.add(at, 2), three)
    condition = w.both(three, w.less(third, 0x80))
    number = w.bits_or(w.shr(w.bits_and(first, 0x7F), 3), w.shl(second, 4))
    paths.append((condition, (code(OK), number, VARINT, third, 0, 0, w.add(at, 3))))

    condition = w.both(two, some, w.equal(low, 5), w.no(w.less(rest, 5)))
    value = little_endian(w, w.add(at, 1), 4, condition)
    paths.append((condition, (code(OK), w.shr(first, 3), FIXED32, value, 0, 0, w.add(at, 5))))

    taken = w.either(*(condition for condition, _ in paths))
    result = field_of_any_length(w, at, w.both(when, w.no(taken)))
    for condition, outcome in reversed(paths):
        result = merge(w, condition, outcome, result)
    return result
