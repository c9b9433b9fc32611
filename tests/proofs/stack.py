#!/usr/bin/env python3
"""Bounds the stack that reading a model takes: GCC's call graph with the frame of each function
(-fcallgraph-info=su), the sum along the longest path. What calls itself has a guard that counts, whatever
the file nests: a cycle without one here is an error, and one with it is gone through that many times.

    tests/proofs/stack.py [COMPILER]

A measured bound would be that of the files tried; this one is of all files, for this compiler and -O2.
Calls through pointers: two functions have them, and each calls members of one class, of one signature.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parent.parent.parent
KIB = 1024
SOURCE = """
#include <tinymlp/any_network.hpp>
using namespace tinymlp;
[[gnu::noinline]] error parse_root(onnx::plan& to, std::span<const char> m, onnx::external_files f) { return onnx::parse_into(to, m, f); }
[[gnu::noinline]] result<std::size_t> storage_root(std::span<const char> m, onnx::external_files f) { return required_storage(m, f); }
[[gnu::noinline]] result<any_network> load_root(std::span<const char> m, std::span<std::byte> s, onnx::external_files f) { return load_any(m, s, f); }
[[gnu::noinline]] std::size_t list_root(std::span<const char> m, onnx::external_files f, std::span<error> to) { return onnx::find_obstacles(m, f, {}, to); }
"""
# Twice what files take in tests/parse_stack_test.cpp, since a path here is through all that a compiler
# cannot exclude: what counts is that there is a most, whatever the file.
MOST = {"parse_root": 36 * KIB, "storage_root": 45 * KIB, "load_root": 45 * KIB, "list_root": 54 * KIB}
# through a pointer: caller -> what may be called, by its (demangled) signature
THROUGH_POINTERS = {
    "graph_indexer::each_field(": r"graph_indexer::\w+\(const (tinymlp::\w+::)?\w*field&\)",
    "plan_builder::take_node(": r"plan_builder::take_(?!node)\w+\(const tinymlp::onnx::node&\)",
}
# what calls itself -> rounds: those that its guard lets pass (`depth == N` fails), and the one in which
# it fails
GUARDS = {
    "graph_reader::ints(": 6,
    "graph_reader::take_any(": 6,
    "graph_reader::is_of_constants(": 9,
    "pattern_matcher::expand(": 7,
    "pattern_matcher::multiply(": 5,
    "pattern_matcher::find_gate(": 4,
    "pattern_matcher::find_cubic(": 4,
}
OF_C = {"__cxa_throw_bad_array_new_length", "memcpy", "memset", "memcmp", "memmove", "memchr", "strlen"}  # of the C library: leaves


def call_graph(compiler):
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder, "roots.cpp")
        source.write_text(SOURCE)
        subprocess.run([compiler, "-std=c++20", "-O2", "-fcallgraph-info=su", f"-I{ROOT / 'include'}", "-c", str(source), "-o", f"{folder}/roots.o"], check=True)
        text = pathlib.Path(folder, "roots.ci").read_text()
    frames, names, calls = {}, {}, {}
    for title, label in re.findall(r'node: \{ title: "([^"]*)" label: "([^"]*)"', text):
        names[title] = label.split("\\n")[0]
        size = re.search(r"(\d+) bytes \((static|dynamic,bounded)\)", label)
        unbounded = "(dynamic)" in label
        frames[title] = None if unbounded else int(size.group(1)) if size else None
    for caller, callee in re.findall(r'edge: \{ sourcename: "([^"]*)" targetname: "([^"]*)"', text):
        # A constructor of whole objects (C1) is another name of that of parts (C2), if there are no bases.
        if frames.get(callee) is None and frames.get(part := re.sub(r"C1E", "C2E", callee, count=1)) is not None:
            callee = part
        calls.setdefault(caller, set()).add(callee)
    for caller, called in calls.items():
        if "__indirect_call" not in called:
            continue
        called.discard("__indirect_call")
        patterns = [p for name, p in THROUGH_POINTERS.items() if name in names[caller]]
        called.add("unknown") if not patterns else called.update(t for t, n in names.items() if re.search(patterns[0], n))
    return frames, names, calls


def components(calls, root):
    """Strongly connected ones that `root` reaches, callees first (Tarjan)."""
    number, low, on_stack, stack, found = {}, {}, set(), [], []

    def visit(at):
        number[at] = low[at] = len(number)
        stack.append(at)
        on_stack.add(at)
        for callee in calls.get(at, ()):
            if callee not in number:
                visit(callee)
            if callee in on_stack:
                low[at] = min(low[at], low[callee])
        if low[at] == number[at]:
            part = []
            while not part or part[-1] != at:
                part.append(stack.pop())
                on_stack.discard(part[-1])
            found.append(part)

    visit(root)
    return found


def frame(graph, title):
    own = graph[0].get(title)
    if own is not None:
        return own + 8  # the return address
    if title.split(":")[-1] not in OF_C and not title.startswith("__builtin"):
        raise SystemExit(f"no frame is known of {graph[1].get(title, title)}")
    return 0


def through(part, graph):
    """Bytes that a component takes. One with a cycle: without its guards there must be none; the longest
    path from a guard to the next, once for each round, and once more for where it is entered."""
    _, names, calls = graph
    if len(part) == 1 and part[0] not in calls.get(part[0], ()):
        return frame(graph, part[0])
    guards = {t: rounds for t in part for name, rounds in GUARDS.items() if name in names[t]}
    inner = {t: calls.get(t, set()) & set(part) - set(guards) for t in part}
    longest = {}
    for group in (g for t in part for g in components(inner, t)):
        if len(group) > 1 or group[0] in inner[group[0]]:
            raise SystemExit(f"recursion without a known guard: {sorted(names[t] for t in group)}")
        at = group[0]
        longest[at] = frame(graph, at) + max((longest[c] for c in inner[at]), default=0)
    return max(longest.values()) * (max(guards.values()) + (len(part) > 1))


def deepest(graph, root):
    """Bytes of stack at most."""
    calls = graph[2]
    below = {}
    for part in components(calls, root):
        deeper = max((below[c] for t in part for c in calls.get(t, ()) if c not in part), default=0)
        own = through(part, graph)
        for t in part:
            below[t] = own + deeper
    return below[root]


def main():
    graph = call_graph(sys.argv[1] if len(sys.argv) > 1 else "g++")
    passed = failed = 0
    for name, most in MOST.items():
        (root,) = [t for t, label in graph[1].items() if f" {name}(" in label]
        size = deepest(graph, root)
        good = size <= most
        passed, failed = passed + good, failed + (not good)
        print(f"{name}: at most {size} bytes of stack" + ("" if good else f": more than {most}"))
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
