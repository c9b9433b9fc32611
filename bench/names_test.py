#!/usr/bin/env python3
"""names_test.py TINYMLP_BENCH [PRECISION ...]: its benchmarks are named
engine/network/precision/isa/mode, and there are some of tinymlp in these precisions too."""

import re
import subprocess
import sys

networks = ["mlp_small", "mlp_medium", "mlp_large"]
modes = ["latency", "throughput", "batch:64", "batch:4096", "batch:1000000"]
scheme = re.compile(
    r"(tinymlp|c|loops|loops-axpy|eigen|onnxruntime|svm)/"
    r"(mlp_small|mlp_medium|mlp_large|nu_svr_211x6)/(fp32|int8|int8_static|fp64)/[a-z0-9_]+/"
    r"(latency|throughput|batch:64|batch:4096|batch:1000000)")
limit = re.compile(r"limit/(fma/(avx2|avx512|neon)|call/(latency|throughput)|"
                   r"order/mlp_(small|medium|large)/latency)")


def main():
    listed = subprocess.run([sys.argv[1], "--benchmark_list_tests"], check=True, text=True,
                            stdout=subprocess.PIPE).stdout.split()
    failures = [f"does not follow the scheme: {name}" for name in listed
                if not scheme.fullmatch(name) and not limit.fullmatch(name)]
    failures += [f"listed twice: {name}" for name in set(listed) if listed.count(name) > 1]
    wanted = [("tinymlp", "fp32", "reference"), ("tinymlp", "fp32", "auto"),
              ("tinymlp", "int8", "reference"), ("tinymlp", "int8", "auto"),
              ("loops", "fp32", "native"), ("loops", "int8", "native"),
              ("loops-axpy", "fp32", "native"), ("eigen", "fp32", "native")]
    wanted += [("tinymlp", precision, isa) for precision in sys.argv[2:]
               for isa in ("reference", "auto")]
    for network in networks:
        for engine, precision, isa in wanted:
            for mode in modes:
                name = "/".join([engine, network, precision, isa, mode])
                if name not in listed:
                    failures.append(f"missing: {name}")
    # Whatever else there is, each engine comes with all modes.
    subjects = {name.rsplit("/", 1)[0] for name in listed if not name.startswith("limit/")}
    failures += [f"missing: {subject}/{mode}" for subject in sorted(subjects) for mode in modes
                 if f"{subject}/{mode}" not in listed]
    print(f"{len(listed)} benchmarks, {len(subjects)} engines with a network and precision")
    sys.exit("\n".join(failures) if failures else 0)


if __name__ == "__main__":
    main()
