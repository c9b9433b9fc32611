#!/usr/bin/env python3
"""Turns a run of tinymlp_bench into the tables of bench/README.md and a figure.

usage: bench/report.py RESULTS.json [--readme FILE] [--summary FILE] [--figure FILE.svg] [--targets]

RESULTS.json comes from tinymlp_bench --benchmark_out=RESULTS.json. Every number is a median over
the run's repetitions, and every ratio is within that run. Prints the short table; with --readme,
also writes all tables between the marker comments of that file, with --summary one small table;
with --targets, prints which of the project's figures the run reaches.
"""

import argparse
import json
import math
import os
import pathlib
import sys
import tempfile

networks = ["mlp_small", "mlp_medium", "mlp_large"]
precisions = ["fp32", "int8", "int8_static"]
baselines = {  # column title: engines, of which the fastest counts
    "ONNX Runtime": ["onnxruntime"],
    "libsvm": ["svm"],
    "Eigen": ["eigen"],
    "plain loops": ["loops"],
    "loops, exchanged": ["loops-axpy"],
}
batch_modes = ["batch:64", "batch:4096", "batch:1000000"]
marker_begin = "<!-- results: written by bench/report.py -->"
marker_end = "<!-- end of results -->"


class Results:
    """Median nanoseconds a row, and the share of the peak, of each benchmark of one run."""

    def __init__(self, document):
        self.context = document["context"]
        self.ns, self.share, self.rate = {}, {}, {}
        for entry in document["benchmarks"]:
            if entry.get("aggregate_name", "median") != "median":
                continue
            name, rate = entry["run_name"], entry.get("items_per_second")
            if rate is None:
                continue
            self.rate[name], self.ns[name] = rate, 1e9 / rate
            if "fma_peak_share" in entry:
                self.share[name] = entry["fma_peak_share"]
        if not self.ns:
            raise ValueError("no benchmark with a median and items_per_second in it")

    def isas(self, network, precision, mode):
        """Instruction sets that tinymlp was measured with, slowest first; without the choice."""
        found = {name.split("/")[3]: ns for name, ns in self.ns.items()
                 if name.startswith(f"tinymlp/{network}/{precision}/")
                 and name.endswith("/" + mode)}
        found.pop("auto", None)
        return sorted(found, key=found.get, reverse=True)

    def own(self, network, precision, mode, isa="auto"):
        return self.ns.get(f"tinymlp/{network}/{precision}/{isa}/{mode}")

    def best(self, network, precision, mode):
        """tinymlp's instruction set with the least time, which need not be the one chosen."""
        return min([*self.isas(network, precision, mode), "auto"],
                   key=lambda isa: self.own(network, precision, mode, isa) or math.inf)

    def other(self, engines, network, precision, mode):
        """The fastest of some engines, whatever instruction set they use."""
        times = []
        for name, ns in self.ns.items():
            engine, net, prec, _, its_mode = (name.split("/") + [""] * 5)[:5]
            fits = net == network and prec == precision or engine == "svm"
            if engine in engines and its_mode == mode and fits:
                times.append(ns)
        return min(times, default=None)

    def ratio(self, engines, network, precision, mode, isa="auto"):
        own, other = self.own(network, precision, mode, isa), self.other(engines, network,
                                                                         precision, mode)
        return other / own if own and other else None


def table(header, rows):
    align = ["---"] + ["---:"] * (len(header) - 1)
    lines = [header, align] + rows
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def times(ratio):
    if ratio is None:
        return ""
    return f"{ratio:.0f}x" if ratio >= 20 else f"{ratio:.1f}x" if ratio >= 10 else f"{ratio:.2f}x"


def ns_text(ns):
    return "" if ns is None else f"{ns:,.0f}" if ns >= 100 else f"{ns:.1f}" if ns >= 10 else f"{ns:.2f}"


def cases(results, mode):
    return [(network, precision) for precision in precisions for network in networks
            if results.own(network, precision, mode)]


def speedups(results, mode):
    rows = []
    for network, precision in cases(results, mode):
        row = [f"{network} {precision}"]
        row += [times(results.ratio(engines, network, precision, mode))
                for engines in baselines.values()]
        row.append(ns_text(results.own(network, precision, mode)))
        rows.append(row)
    return table(["", *[f"over {name}" for name in baselines], "tinymlp, ns a frame"], rows)


def by_isa(results, mode):
    isas = []
    for precision in precisions:
        for isa in results.isas("mlp_large", precision, mode):
            if isa not in isas:
                isas.append(isa)
    rows = [[f"{network} {precision}"] + [ns_text(results.own(network, precision, mode, isa))
                                         for isa in isas + ["auto"]]
            for network, precision in cases(results, mode)]
    return table(["ns a frame", *isas, "chosen at run time"], rows)


def shares(results):
    isas = [isa for isa in results.isas("mlp_large", "fp32", "batch:4096")
            if f"tinymlp/mlp_large/fp32/{isa}/batch:4096" in results.share]
    rows = []
    for network in networks:
        row = [network]
        for isa in isas:
            share = results.share.get(f"tinymlp/{network}/fp32/{isa}/batch:4096")
            row.append("" if share is None else f"{100 * share:.0f} %")
        rows.append(row)
    return table(["share of the FMA peak", *isas], rows)


def flatness(results):
    rows = []
    for network, precision in cases(results, "batch:64"):
        ns = [results.own(network, precision, mode) for mode in batch_modes]
        if None in ns:
            continue
        spread = max(ns) / min(ns) - 1
        rows.append([f"{network} {precision}", *map(ns_text, ns), f"{100 * spread:.0f} %"])
    return table(["ns a row", "64 rows", "4,096", "1,000,000", "spread"], rows)


def absolute(results):
    engines = {"ONNX Runtime": ["onnxruntime"], "libsvm": ["svm"], "Eigen": ["eigen"],
               "loops": ["loops"], "loops-axpy": ["loops-axpy"]}
    rows = []
    for mode in ("latency", "throughput", *batch_modes):
        for network, precision in cases(results, mode):
            others = [ns_text(results.other(e, network, precision, mode))
                      for e in engines.values()]
            rows.append([f"{mode}, {network} {precision}",
                         ns_text(results.own(network, precision, mode)), *others])
    return table(["ns a row", "tinymlp", *engines], rows)


def machine(results):
    context = results.context
    parts = [context.get("cpu_model", "unknown processor")]
    if "mhz_per_cpu" in context:
        parts.append(f"{context['mhz_per_cpu']} MHz nominal, {context['num_cpus']} processors")
    if "isa_selected" in context:
        parts.append(f"{context['isa_selected']} chosen")
    for key, name in (("compiler", ""), ("onnxruntime", "ONNX Runtime "), ("eigen", "Eigen "),
                      ("xnnpack", "XNNPACK "), ("libsvm", "libsvm ")):
        if key in context:
            parts.append(name + context[key])
    peaks = [f"{name.split('/')[2]} {rate / 1e9:.0f} GFLOP/s"
             for name, rate in sorted(results.rate.items()) if name.startswith("limit/fma/")]
    if peaks:
        parts.append("FMA peak " + ", ".join(peaks))
    return "; ".join(parts)


def short_table(results):
    return "\n\n".join([
        "One frame, each waiting for the one before:",
        speedups(results, "latency"),
        "A batch of 4,096 frames:",
        speedups(results, "batch:4096")])


def summary(results):
    """The table of the project's README: the shipped files."""
    rows = []
    for network, precision in cases(results, "latency"):
        if precision == "int8_static":
            continue
        row = [f"{network} {precision}"]
        for mode in ("latency", "batch:4096"):
            row += [ns_text(results.own(network, precision, mode)),
                    *(times(results.ratio(baselines[name], network, precision, mode))
                      for name in ("ONNX Runtime", "libsvm"))]
        rows.append(row)
    header = ["", "one frame, ns", "ONNX Runtime", "libsvm", "in a batch, ns", "ONNX Runtime",
              "libsvm"]
    return (table(header, rows) + "\n\n" + f"{results.context.get('cpu_model', 'Unknown processor')}"
            f", one thread, {results.context.get('isa_selected', '?')}; times of the others as "
            "multiples of tinymlp's in the same run.")


def order_limits(results):
    """What the contract's order of sums alone takes, and what it leaves to gain."""
    rows = []
    for network in networks:
        limit = results.ns.get(f"limit/order/{network}/latency")
        own = [ns for isa in results.isas(network, "fp32", "latency")
               if (ns := results.own(network, "fp32", "latency", isa))]
        if not limit or not own:
            continue
        most = [results.other([engine], network, "fp32", "latency")
                for engine in ("onnxruntime", "loops")]
        rows.append([network, ns_text(limit), ns_text(min(own)), f"{100 * limit / min(own):.0f} %",
                     *(times(other and other / limit) for other in most)])
    return rows and table(["", "order of sums, ns", "tinymlp's best, ns", "share",
                           "most over ONNX Runtime", "most over loops"], rows)


def full_report(results, figure):
    floor = results.ns.get("limit/call/latency")
    parts = [f"Measured on: {machine(results)}."]
    if figure:
        parts.append(f"![Speed-up over other engines]({figure})")
    parts += ["### How many times faster", short_table(results),
              "### Instruction sets, one frame", by_isa(results, "latency")]
    if floor:
        parts.append(f"An empty call that only loads a feature takes {ns_text(floor)} ns of each.")
    if limits := order_limits(results):
        parts += ["What the canonical order of sums alone takes, its longest dependent path with "
                  "nothing beside it (`limit/order`), and how many times faster than others a "
                  "kernel without any other cost would be:", limits]
    parts += ["### Instruction sets, a batch of 4,096", by_isa(results, "batch:4096"),
              shares(results), "### From 64 rows to a million", flatness(results),
              "### All engines", absolute(results)]
    return "\n\n".join(part for part in parts if part)


# The figures the project sets itself: what, value, least or most.
def targets(results):
    found = []

    def at_least(what, value, limit):
        found.append((what, value, limit, value is not None and value >= limit))

    def at_most(what, value, limit):
        found.append((what, value, limit, value is not None and value <= limit))

    for network, over_ort, over_loops, avx2 in (("mlp_small", 100, 1.35, 1.25),
                                                ("mlp_medium", 85, 2.1, 1.9),
                                                ("mlp_large", 50, 2.6, 2.0)):
        one = (network, "fp32", "latency")
        best = results.best(*one)
        at_least(f"{network}: one frame, x ONNX Runtime",
                 results.ratio(["onnxruntime"], *one, best), over_ort)
        for engine in ("loops", "loops-axpy"):
            at_least(f"{network}: one frame, x {engine}", results.ratio([engine], *one, best),
                     over_loops)
            at_least(f"{network}: one frame, AVX2, x {engine}",
                     results.ratio([engine], *one, "avx2"), avx2)
    for isa, wanted in (("avx2", (.55, .70, .85)), ("avx512", (.45, .65, .75))):
        for network, limit in zip(networks, wanted):
            at_least(f"{network}: share of the FMA peak, {isa}, batch:4096",
                     results.share.get(f"tinymlp/{network}/fp32/{isa}/batch:4096"), limit)
    for network, limit in (("mlp_medium", 1.3), ("mlp_large", 1.7)):
        for isa in ("avx2", "avx512"):
            fp32 = results.own(network, "fp32", "batch:4096", isa)
            int8 = results.own(network, "int8", "batch:4096", isa + "_vnni")
            at_least(f"{network}: int8 batch:4096, {isa}_vnni, x own fp32",
                     fp32 / int8 if fp32 and int8 else None, limit)
        at_least(f"{network}: int8 batch:4096, x ONNX Runtime int8",
                 results.ratio(["onnxruntime"], network, "int8", "batch:4096"), 4)
    fp32, int8 = (results.own("mlp_large", p, "latency") for p in ("fp32", "int8"))
    at_most("mlp_large: int8 one frame, x own fp32", int8 / fp32 if fp32 and int8 else None, 2.5)
    auto, kernel = (results.own("mlp_small", "fp32", "latency", isa)
                    for isa in ("auto", results.context.get("isa_selected", "").removesuffix("_vnni")))
    at_most("mlp_small: dispatch, ns a frame", auto - kernel if auto and kernel else None, 2)
    for network, precision in cases(results, "batch:1000000"):
        ns = [results.own(network, precision, mode) for mode in batch_modes]
        if None not in ns:
            at_most(f"{network} {precision}: batch:64 to batch:1000000, largest / smallest",
                    max(ns) / min(ns), 1.1)
    return "\n".join(f"{'yes' if ok else 'NO ':4}{what}: "
                     f"{'not measured' if value is None else f'{value:.2f}'} (wanted {limit:g})"
                     for what, value, limit, ok in found)


style = """<style>
text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: #59636e }
.title { font-size: 16px; font-weight: 600; fill: #1f2328 }
.head { font-weight: 600; fill: #1f2328 }
.number { fill: #1f2328 }
.end { text-anchor: end }
.middle { text-anchor: middle }
.paper { fill: #ffffff; stroke: #d1d9e0 }
.grid { stroke: #e4e8ec }
.one { stroke: #818b98 }
.c0 { fill: #0969da } .c1 { fill: #bf8700 } .c2 { fill: #1a7f37 } .c3 { fill: #8250df }
.c4 { fill: #cf222e }
@media (prefers-color-scheme: dark) {
text { fill: #9198a1 }
.title, .head, .number { fill: #f0f6fc }
.paper { fill: #0d1117; stroke: #3d444d }
.grid { stroke: #262c33 }
.one { stroke: #656c76 }
.c0 { fill: #58a6ff } .c1 { fill: #d29922 } .c2 { fill: #3fb950 } .c3 { fill: #bc8cff }
.c4 { fill: #ff7b72 }
}
</style>"""


class Figure:
    """Bars: how many times faster tinymlp is, on a logarithmic axis from 1."""

    width, bar, panel_top = 960, 15, 96
    left = (104, 568)
    span = 310
    most = 1000.0

    def __init__(self, results):
        self.results = results
        self.out = []

    def text(self, x, y, kind, content):
        content = content.replace("&", "&amp;").replace("<", "&lt;")
        self.out.append(f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{content}</text>')

    def x_of(self, left, ratio):
        return left + self.span * max(0.0, math.log10(ratio) / math.log10(self.most))

    def draw_group(self, left, top, network, precision, mode):
        bars = [(i, self.results.ratio(engines, network, precision, mode))
                for i, engines in enumerate(baselines.values())]
        bars = [(i, ratio) for i, ratio in bars if ratio]
        y = top
        for i, ratio in bars:
            end = max(self.x_of(left, ratio), left + 1)
            self.out.append(f'<rect class="c{i}" x="{left}" y="{y + 1:.1f}" '
                            f'width="{end - left:.1f}" height="{self.bar - 3}" rx="1.5"/>')
            self.text(end + 6, y + self.bar - 4, "number", times(ratio))
            y += self.bar
        self.text(left - 10, (top + y) / 2 + 4, "end", network)
        return y + 14

    def draw_panel(self, left, top, title, precision, mode):
        self.text(left, top - 12, "head", title)
        marks = len(self.out)
        y = top
        for network in networks:
            y = self.draw_group(left, y, network, precision, mode)
        bottom = y - 8
        lines = []
        for tick in (1, 3, 10, 30, 100, 300, 1000):
            x = self.x_of(left, tick)
            kind = "one" if tick == 1 else "grid"
            lines.append(f'<line class="{kind}" x1="{x:.1f}" y1="{top - 4:.1f}" x2="{x:.1f}" '
                         f'y2="{bottom:.1f}"/>')
            self.text(x, bottom + 15, "middle", f"{tick}x")
        self.out[marks:marks] = lines  # behind the bars
        return bottom + 34

    def render(self):
        self.text(24, 34, "title", "How many times faster tinymlp scores")
        x = 24
        for i, name in enumerate(baselines):
            self.out.append(f'<rect class="c{i}" x="{x}" y="47" width="12" height="12" rx="2"/>')
            self.text(x + 18, 57, "", f"than {name}")
            x += 68 + 7.2 * len(name)
        top = self.panel_top
        for precision in ("fp32", "int8"):
            bottoms = [self.draw_panel(self.left[0], top, f"{precision}, one frame",
                                       precision, "latency"),
                       self.draw_panel(self.left[1], top, f"{precision}, batch of 4,096 frames",
                                       precision, "batch:4096")]
            top = max(bottoms) + 26
        cpu = self.results.context.get("cpu_model", "unknown processor")
        isa = self.results.context.get("isa_selected", "?")
        self.text(24, top - 14, "", f"{cpu}, {isa}, one thread; logarithmic axis. libsvm: "
                  "vmaf_v0.6.1's own predictor, in double precision. Eigen has no int8.")
        height = top + 4
        return "\n".join([
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {height:.0f}" '
            f'width="{self.width}" height="{height:.0f}" role="img">',
            "<title>How many times faster tinymlp scores than other engines</title>", style,
            f'<rect class="paper" x=".5" y=".5" width="{self.width - 1}" '
            f'height="{height - 1:.0f}" rx="8"/>', *self.out, "</svg>", ""])


def write_whole(path, content):
    """A temporary beside it, then a rename: an interrupted run leaves the old file."""
    path = pathlib.Path(path)
    descriptor, temporary = tempfile.mkstemp(dir=path.resolve().parent, prefix=".report-")
    try:
        with open(descriptor, "w") as out:
            out.write(content)
        os.chmod(temporary, path.stat().st_mode & 0o777 if path.exists() else 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def with_results(readme, report, first=marker_begin, last=marker_end):
    before, begin, rest = readme.partition(first)
    _, end, after = rest.partition(last)
    if not begin or not end:
        raise ValueError(f"no line '{first}' followed by '{last}'")
    return f"{before}{begin}\n\n{report}\n\n{end}{after}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("results", metavar="RESULTS.json")
    parser.add_argument("--readme", metavar="FILE", help="write the tables between its markers")
    parser.add_argument("--summary", metavar="FILE", help="write one table between its markers")
    parser.add_argument("--figure", metavar="FILE.svg", help="draw the ratios")
    parser.add_argument("--targets", action="store_true", help="compare with the figures to reach")
    options = parser.parse_args()
    path = options.results
    try:
        results = Results(json.loads(pathlib.Path(path).read_text()))
        if options.figure:
            write_whole(options.figure, Figure(results).render())
        if options.readme:
            path = options.readme
            readme = pathlib.Path(path)
            figure = options.figure and os.path.relpath(options.figure, readme.parent)
            write_whole(readme, with_results(readme.read_text(), full_report(results, figure)))
        if options.summary:
            path = options.summary
            readme = pathlib.Path(path)
            write_whole(readme, with_results(readme.read_text(), summary(results)))
    except OSError as error:
        sys.exit(f"report.py: {error.filename or path}: {error.strerror}")
    except (ValueError, KeyError) as error:
        sys.exit(f"report.py: {path}: {error if isinstance(error, ValueError) else f'no {error}'}")
    print(targets(results) if options.targets else short_table(results))


if __name__ == "__main__":
    main()
