#!/usr/bin/env python3
"""Turns a run of tinymlp_networks_bench into the tables of bench/README.md.

usage: bench/report_networks.py RESULTS.json [--readme FILE] [--targets]

RESULTS.json comes from tinymlp_networks_bench --benchmark_out=RESULTS.json. Every number is a
median over the run's repetitions, and every ratio is within that run. Prints the summary; with
--readme, also writes all tables between the marker comments of that file; with --targets, prints
which of the project's figures the run reaches.
"""

import argparse
import json
import math
import pathlib
import sys

from report import machine, ns_text, table, times, with_results, write_whole

peers = {  # column title: engines, of which the fastest counts
    "ONNX Runtime": ["onnxruntime"],
    "XNNPACK": ["xnnpack"],
    "plain loops": ["loops", "loops-axpy"],
    "Eigen": ["eigen"],
}
# Peers with the network in their code, as embed<> has it: they are compared with that.
compiled_in = {"plain loops"}
modes = {"latency": "one row", "batch:4096": "batch:4096"}
small = 20_000  # parameters: the networks whose geometric means are told
marker_begin = "<!-- networks: written by bench/report_networks.py -->"
marker_end = "<!-- end of networks -->"


class Networks:
    """Medians of one run: nanoseconds an item (a row, or a parameter of a load)."""

    def __init__(self, document):
        self.context, self.rate, self.ns, self.found = document["context"], {}, {}, {}
        self.share, self.room, self.repetitions = {}, {}, 0
        for entry in document["benchmarks"]:
            rate = entry.get("items_per_second")
            if entry.get("aggregate_name", "median") != "median" or not rate:
                continue
            name = entry["run_name"]
            self.rate[name] = rate
            self.repetitions = entry.get("repetitions", 1)
            if name.startswith("limit/"):
                continue
            engine, network, _, isa, mode = name.split("/")
            self.ns[engine, network, isa, mode] = 1e9 / rate
            about = entry.get("label", ""), round(entry["parameters"]), round(entry["narrowest"])
            self.found[network] = about
            if "fma_peak_share" in entry:
                self.share[network, isa] = entry["fma_peak_share"]
            if "storage_per_weight" in entry:
                self.room[network] = entry["storage_per_weight"]
        if not self.ns:
            raise ValueError("no benchmark with a median and items_per_second in it")

    def names(self, synthetic=False):
        """Smallest first; `synthetic` ones are those that the bench itself makes."""
        chosen = [n for n in self.found if n.startswith("dense_") == synthetic]
        return sorted(chosen, key=lambda n: (self.found[n][1], n))

    def shape(self, network):
        return self.found[network][0]

    def parameters(self, network):
        return self.found[network][1]

    def own(self, network, mode, isa="auto"):
        return self.ns.get(("tinymlp", network, isa, mode))

    def embedded(self, network, mode):
        return self.ns.get(("embedded", network, "auto", mode))

    def beside(self, network, mode, title):
        """tinymlp's time that is compared with that peer's."""
        return title in compiled_in and self.embedded(network, mode) or self.own(network, mode)

    def other(self, network, mode, title):
        found = [ns for (engine, net, _, its_mode), ns in self.ns.items()
                 if engine in peers[title] and net == network and its_mode == mode]
        return min(found, default=None)

    def ratio(self, network, mode, title):
        own, other = self.beside(network, mode, title), self.other(network, mode, title)
        return other / own if own and other else None

    def ratios(self, mode, title, below=math.inf):
        found = {n: self.ratio(n, mode, title) for n in self.names()
                 if self.parameters(n) < below}
        return {n: ratio for n, ratio in found.items() if ratio}


def geometric_mean(values):
    values = list(values)
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def percent(share):
    return "" if share is None else f"{100 * share:.0f} %"


def behind(ratio):
    """In bold where a peer is ahead."""
    text = times(ratio)
    return f"**{text}**" if ratio is not None and ratio < 1 else text


def isas(run):
    return [isa for isa in ("avx2", "avx512", "neon")
            if any(key[0] == "tinymlp" and key[2] == isa for key in run.ns)]


def row_of(run, network, mode):
    return [network, run.shape(network), f"{run.parameters(network):,}",
            ns_text(run.own(network, mode)),
            *(ns_text(run.own(network, mode, isa)) for isa in isas(run)),
            ns_text(run.embedded(network, mode)),
            *(behind(run.ratio(network, mode, title)) for title in peers)]


def mode_table(run, mode):
    header = ["", "layers", "parameters", "tinymlp, ns a row", *isas(run), "compiled in",
              *(f"over {title}" for title in peers)]
    return table(header, [row_of(run, n, mode) for n in run.names() if run.own(n, mode)])


def means(run):
    rows = []
    for mode, title in modes.items():
        for peer in peers:
            few, every = run.ratios(mode, peer, small), run.ratios(mode, peer)
            if not every:
                continue
            worst = min(every, key=every.get)
            rows.append([title, peer, f"{len(few)}", times(geometric_mean(few.values())),
                         f"{len(every)}", times(geometric_mean(every.values())),
                         f"{behind(every[worst])}, {worst}"])
    return table(["", "over", f"networks below {small:,} parameters", "geometric mean",
                  "all networks", "geometric mean", "smallest ratio"], rows)


def cells_ahead(run):
    """Where a peer takes less time, furthest ahead first: (ratio, network, mode, peer)."""
    cells = [(ratio, network, mode, peer) for mode in modes for peer in peers
             for network in run.names() + run.names(synthetic=True)
             if (ratio := run.ratio(network, mode, peer)) and ratio < 1]
    return sorted(cells)


def ahead_text(run):
    cells = cells_ahead(run)
    if not any(run.ratios(mode, peer) for mode in modes for peer in peers):
        return "No network was measured by tinymlp and by a peer."
    if not cells:
        return "No peer is ahead in any cell."
    return (f"A peer is ahead in {len(cells)} cells:\n\n" +
            table(["", "layers", "", "peer", "tinymlp, ns", "peer, ns", "tinymlp's speed"],
                  [[network, run.shape(network), modes[mode], peer,
                    ns_text(run.beside(network, mode, peer)),
                    ns_text(run.other(network, mode, peer)),
                    times(ratio)] for ratio, network, mode, peer in cells]))


def shares(run):
    """Networks with at least 64 values between all their layers."""
    used = [isa for isa in isas(run) if any(isa == key[1] for key in run.share)]
    names = run.names(synthetic=True) + run.names()
    rows = [[n, run.shape(n), *(percent(run.share.get((n, isa))) for isa in used),
             *(behind(run.ratio(n, "batch:4096", title)) for title in peers)]
            for n in names if any((n, isa) in run.share for isa in used)]
    header = ["batch:4096", "layers", *(f"share of the FMA peak, {isa}" for isa in used),
              *(f"over {title}" for title in peers)]
    return rows and table(header, rows)


def load_of(run, network):
    return run.ns.get(("tinymlp", network, "auto", "load"))


def copy_of(run, network):
    return run.ns.get(("memcpy", network, "generic", "load"))


def loading(run):
    rows = []
    for n in run.names() + run.names(synthetic=True):
        own, copy = load_of(run, n), copy_of(run, n)
        if own and copy:
            rows.append([n, f"{run.parameters(n):,}", ns_text(own * run.parameters(n) / 1000),
                         f"{own:.2f}", f"{copy:.3f}", times(own / copy),
                         f"{run.room[n]:.2f}" if n in run.room else ""])
    return rows and table(["", "parameters", "load, us", "ns a parameter", "memcpy, ns a parameter",
                           "memcpy's time", "storage / weights"], rows)


def full_report(run):
    parts = [f"Measured on: {machine(run)}. Medians of {run.repetitions} repetitions; a bold ratio "
             "is a cell where the other is ahead.", means(run), ahead_text(run)]
    for mode, title in (("latency", "One row"), ("batch:4096", "A batch of 4,096 rows")):
        parts += [f"### {title}, by network", mode_table(run, mode)]
    if body := shares(run):
        parts += ["### Wide layers", body]
    if body := loading(run):
        parts += ["### Loading", body]
    return "\n\n".join(parts)


def targets(run):
    """The figures that the project sets itself: what, value, least or most."""
    found = []

    def say(what, value, limit, at_least):
        good = value is not None and (value >= limit if at_least else value <= limit)
        shown = "not measured" if value is None else f"{value:.2f}"
        found.append(f"{'yes' if good else 'NO ':4}{what}: {shown} (wanted {limit:g})")

    say(f"one row, below {small:,} parameters, geometric mean over ONNX Runtime",
        geometric_mean(run.ratios("latency", "ONNX Runtime", small).values()), 20, True)
    for mode, title in modes.items():
        for peer in peers:
            ratios = run.ratios(mode, peer)
            limit = 1.3 if peer == "ONNX Runtime" else 1
            if ratios:
                worst = min(ratios, key=ratios.get)
                say(f"{title}, smallest ratio over {peer} ({worst})", ratios[worst], limit, True)
    for network in run.names(synthetic=True):
        width = int(network.removeprefix("dense_"))
        say(f"{network}: share of the FMA peak, avx2", run.share.get((network, "avx2")),
            0.92 if width >= 256 else 0.85, True)
    for mode, title, limit, above in (("latency", "one row", 2, 0),
                                      ("latency", "one row above 4,096 parameters", 1.15, 4096),
                                      ("batch:4096", "batch:4096", 1.15, 0)):
        ratios = {n: run.own(n, mode) / run.embedded(n, mode) for n in run.names()
                  if run.parameters(n) > above and run.own(n, mode) and run.embedded(n, mode)}
        if ratios:
            worst = max(ratios, key=ratios.get)
            say(f"{title}, most of what is loaded over what is compiled in ({worst})",
                ratios[worst], limit, False)
    large = [n for n in run.names() if run.parameters(n) >= small]
    for what, value, limit in (
            ("load, ns a parameter", lambda n: load_of(run, n), 0.5),
            ("storage / weights", run.room.get, 1.1)):
        values = {n: value(n) for n in large if value(n)}
        if values:
            worst = max(values, key=values.get)
            say(f"{what}, {small:,} parameters and more ({worst})", values[worst], limit, False)
    return "\n".join(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("results", metavar="RESULTS.json")
    parser.add_argument("--readme", metavar="FILE", help="write the tables between its markers")
    parser.add_argument("--targets", action="store_true", help="compare with the figures to reach")
    options = parser.parse_args()
    path = options.results
    try:
        run = Networks(json.loads(pathlib.Path(path).read_text()))
        if options.readme:
            path = options.readme
            readme = pathlib.Path(path)
            write_whole(readme, with_results(readme.read_text(), full_report(run), marker_begin,
                                             marker_end))
    except OSError as error:
        sys.exit(f"report_networks.py: {error.filename or path}: {error.strerror}")
    except (ValueError, KeyError) as error:
        reason = error if isinstance(error, ValueError) else f"no {error}"
        sys.exit(f"report_networks.py: {path}: {reason}")
    print(targets(run) if options.targets else means(run) + "\n\n" + ahead_text(run))


if __name__ == "__main__":
    main()
