"""Takes an ONNX file apart at the level of protobuf fields, enough to move its weights elsewhere,
and puts small ones together."""
import re
import struct

GRAPH, NODE, INITIALIZER = 7, 1, 5
NAME, RAW_DATA, EXTERNAL_DATA, DATA_LOCATION = 8, 9, 13, 14


def varint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def fields(message):
    """[(number, wire type, payload)]: an int for varints, bytes for the rest."""
    out, at = [], 0
    while at < len(message):
        tag, at = read_varint(message, at)
        kind = tag & 7
        if kind == 0:
            payload, at = read_varint(message, at)
        else:
            size = {1: 8, 5: 4}.get(kind)
            if size is None:
                size, at = read_varint(message, at)
            payload, at = message[at:at + size], at + size
        out.append((tag >> 3, kind, payload))
    return out


def encode(parts):
    out = b""
    for number, kind, payload in parts:
        out += varint(number << 3 | kind)
        if kind == 0:
            out += varint(payload)
        else:
            out += (varint(len(payload)) if kind == 2 else b"") + payload
    return out


def edit(message, number, change):
    """The message with `change` applied to each payload of that field."""
    return encode([(n, k, change(p) if n == number else p) for n, k, p in fields(message)])


def move_weights_out(model, location):
    """(model whose raw data lies at `location`, the bytes to put there)."""
    data = b""

    def move(tensor):
        nonlocal data
        parts = fields(tensor)
        raw = next((p for n, _, p in parts if n == RAW_DATA), None)
        name = next(p for n, _, p in parts if n == NAME)
        if raw is None or name == b"squeeze_axes":
            return tensor
        entries = {"location": location, "offset": str(len(data)), "length": str(len(raw))}
        data += raw
        parts = [part for part in parts if part[0] != RAW_DATA]
        for key, value in entries.items():
            entry = encode([(1, 2, key.encode()), (2, 2, value.encode())])
            parts.append((EXTERNAL_DATA, 2, entry))
        return encode([*parts, (DATA_LOCATION, 0, 1)])

    moved = edit(model, GRAPH, lambda graph: edit(graph, INITIALIZER, move))
    return moved, data


def rename_operator(model, before, after):
    """The model with one operator type replaced by another."""
    def rename(node):
        return edit(node, 4, lambda op: after if op == before else op)
    return edit(model, GRAPH, lambda graph: edit(graph, NODE, rename))


def attribute(name, value):
    """An AttributeProto: INT, FLOAT, INTS or STRING."""
    parts = [(1, 2, name.encode())]
    if isinstance(value, float):
        parts += [(2, 5, struct.pack("<f", value)), (20, 0, 1)]
    elif isinstance(value, int):
        parts += [(3, 0, value & (1 << 64) - 1), (20, 0, 2)]
    elif isinstance(value, str):
        parts += [(4, 2, value.encode()), (20, 0, 3)]
    else:
        parts += [(8, 0, v & (1 << 64) - 1) for v in value] + [(20, 0, 7)]
    return encode(parts)


def node(op_type, inputs, outputs, name="", **attributes):
    return encode([*((1, 2, i.encode()) for i in inputs), *((2, 2, o.encode()) for o in outputs),
                   (3, 2, (name or outputs[0]).encode()), (4, 2, op_type.encode()),
                   *((5, 2, attribute(n, v)) for n, v in attributes.items())])


def floats(name, dims, values):
    """A float32 initializer in raw data."""
    return encode([*((1, 0, d) for d in dims), (2, 0, 1), (8, 2, name.encode()),
                   (9, 2, struct.pack(f"<{len(values)}f", *values))])


def integers(name, values):
    """An int64 initializer of rank 1 in raw data."""
    return encode([(1, 0, len(values)), (2, 0, 7), (8, 2, name.encode()),
                   (9, 2, struct.pack(f"<{len(values)}q", *values))])


def value(name, dims, kind=1):
    """A ValueInfoProto; dims of text are symbolic."""
    shape = encode([(1, 2, encode([(2, 2, d.encode()) if isinstance(d, str) else (1, 0, d)]))
                    for d in dims])
    return encode([(1, 2, name.encode()),
                   (2, 2, encode([(1, 2, encode([(1, 0, kind), (2, 2, shape)]))]))])


def model(nodes, tensors, inputs, outputs, opset=17, ir=8):
    """A ModelProto of such nodes, initializers, inputs and outputs."""
    graph = encode([*((1, 2, n) for n in nodes), (2, 2, b"graph"), *((5, 2, t) for t in tensors),
                    *((11, 2, i) for i in inputs), *((12, 2, o) for o in outputs)])
    return encode([(1, 0, ir), (7, 2, graph), (8, 2, encode([(2, 0, opset)]))])


def literal(header):
    """The bytes of the string literals of a C++ header, as `tinymlp embed` writes them."""
    text = "".join(re.findall(r'^"(.*?)";?$', header, re.M))
    return re.sub(rb"\\([0-7]{3})", lambda m: bytes([int(m[1], 8)]), text.encode("latin-1"))


def two_heads():
    """x (3) and y (1), added up by weights of whole numbers, so that every sum is exact; `state`
    passes by. Outputs: action = relu([x, y] W + b), its half as `value`, and the state."""
    weight = [1, 2, 3, 4, 5, 6, -7, 8]  # [4, 2]
    return model(
        [node("Concat", ["x", "y"], ["both"], axis=1),
         node("Gemm", ["both", "w", "b"], ["sum"]), node("Relu", ["sum"], ["action"]),
         node("Mul", ["action", "half"], ["value"]), node("Identity", ["state"], ["next_state"])],
        [floats("w", [4, 2], weight), floats("b", [2], [0.5, -1]), floats("half", [1], [0.5])],
        [value("x", ["N", 3]), value("state", ["N", 2]), value("y", ["N", 1])],
        [value("action", ["N", 2]), value("value", ["N", 2]), value("next_state", ["N", 2])])
