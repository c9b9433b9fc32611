"""Takes an ONNX file apart at the level of protobuf fields, enough to move its weights elsewhere."""

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
