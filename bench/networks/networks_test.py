#!/usr/bin/env python3
"""networks_test.py TINYMLP_NETWORKS_BENCH REPORT MODELS: every engine gives tinymlp's outputs, its
benchmarks are named engine/network/precision/isa/mode, and a short run makes a report."""

import pathlib
import re
import subprocess
import sys
import tempfile

scheme = re.compile(
    r"((tinymlp|embedded|loops|eigen|onnxruntime|xnnpack)/\w+/fp32/[a-z0-9_]+/(latency|batch:4096)|"
    r"loops-axpy/\w+/fp32/native(512)?/latency|tinymlp/\w+/fp32/auto/load|"
    r"memcpy/\w+/fp32/generic/load|limit/fma/(avx2|avx512|neon))")
networks = ["mlp_small", "mlp_medium", "mlp_large", "dense_64", "dense_512"]


def run(*command):
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        sys.exit(f"{command[1:]} exits with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


def check_names(program, models):
    listed = run(program, models, "--benchmark_list_tests").stdout.split()
    failures = [f"does not follow the scheme: {n}" for n in listed if not scheme.fullmatch(n)]
    failures += [f"listed twice: {n}" for n in set(listed) if listed.count(n) > 1]
    wanted = [f"{engine}/{network}/fp32/{isa}/{mode}" for network in networks
              for engine, isa in (("tinymlp", "auto"), ("eigen", "native"), ("loops", "native"))
              for mode in ("latency", "batch:4096")]
    wanted += [f"embedded/{network}/fp32/auto/{mode}" for network in networks[:4]
               for mode in ("latency", "batch:4096")]
    wanted += [f"{engine}/{network}/fp32/{isa}/load" for network in networks
               for engine, isa in (("tinymlp", "auto"), ("memcpy", "generic"))]
    failures += [f"missing: {n}" for n in wanted if n not in listed]
    if failures:
        sys.exit("\n".join(failures))
    return len(listed)


# tinymlp reads every form that the bench writes, and all engines agree.
def check_agreement(program, models):
    done = run(program, models, "--check")
    found = re.fullmatch(r"(\d+) engines with a network, 0 differ from tinymlp or fail\n",
                         done.stdout)
    if not found or "left out: form_" in done.stderr:
        sys.exit(f"not all forms were compared: {done.stdout}{done.stderr}")
    return int(found[1])


def check_report(program, report, models):
    with tempfile.TemporaryDirectory() as name:
        results, readme = pathlib.Path(name) / "results.json", pathlib.Path(name) / "README.md"
        run(program, models, "--benchmark_filter=^(tinymlp|memcpy|eigen)/mlp_(small|large)/",
            "--benchmark_repetitions=1", "--benchmark_report_aggregates_only=false",
            "--benchmark_min_time=0.001", f"--benchmark_out={results}")
        begin, end = ("<!-- networks: written by bench/report_networks.py -->",
                      "<!-- end of networks -->")
        readme.write_text(f"before\n{begin}\nstale rows\n{end}\nafter\n")
        run(sys.executable, report, results, "--readme", readme)
        text = readme.read_text()
    row = "| mlp_large | 6-64-32-16-1 relu"
    lines = [line for line in text.splitlines() if line.startswith(row)]
    if (len(lines) < 2 or "stale rows" in text or not text.startswith("before\n")
            or not text.endswith("after\n")):
        sys.exit(f"the report lacks mlp_large's rows, or is not between its markers:\n{text}")


def main():
    program, report, models = sys.argv[1], sys.argv[2], f"--networks={sys.argv[3]}"
    missing = run(program, "--networks=no/such/folder", "--benchmark_list_tests")
    if "left out: no/such/folder: " not in missing.stderr:
        sys.exit("a folder that is not there is not told")
    count = check_names(program, models)
    engines = check_agreement(program, models)
    check_report(program, report, models)
    print(f"{count} benchmarks, {engines} engines with a network agree")


if __name__ == "__main__":
    main()
