#!/usr/bin/env python3
"""One hash of scores whatever the compiler, the optimisation and -ffp-contract.

    tests/same_bits/run.py [--quick | --short] [COMPILER ...]     default: g++ clang++

Builds scores.cpp with each compiler that is installed, at -O0, -O2 and -O3, with -ffp-contract=off
and =fast, with -march=native and, by Clang, with parts of -ffast-math; runs each on every
instruction set of this CPU, and requires one hash. --short takes
each set of flags with one compiler, in turn; --quick builds once with each, at different ends. Exit 1 if hashes differ.
"""
import argparse
import concurrent.futures
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
INCLUDE = HERE.parent.parent / "include"
QUICK = [("-O0", "-ffp-contract=off"), ("-O2", "-ffp-contract=fast")]
ALL = [
    *((level, contract) for level in ("-O0", "-O2", "-O3")
      for contract in ("-ffp-contract=off", "-ffp-contract=fast")),
    ("-O1", "-frounding-math"),
    ("-O2", "-march=native"),
    ("-O3", "-march=native", "-ffp-contract=fast"),
    ("-Os",),
]
# Parts of -ffast-math of which Clang's macros do not tell; the engine undoes them. GCC's tell, and
# the engine refuses them.
CLANG = [
    ("-O2", "-fassociative-math", "-freciprocal-math", "-fno-signed-zeros", "-fno-trapping-math"),
]


def build_and_run(folder, number, compiler, flags):
    """(hash and instruction sets, or None; what was printed)"""
    program = folder / f"scores{number}"
    build = subprocess.run(
        [compiler, "-std=c++20", *flags, f"-I{INCLUDE}", HERE / "scores.cpp", "-o", program],
        capture_output=True, text=True, check=False,
    )
    if build.returncode != 0:
        return None, build.stderr
    run = subprocess.run([program], capture_output=True, text=True, check=False)
    return (run.stdout.strip() if run.returncode == 0 else None), run.stdout + run.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("compilers", nargs="*", default=["g++", "clang++"])
    options = parser.parse_args()
    compilers = [c for c in options.compilers if shutil.which(c)]
    for absent in set(options.compilers) - set(compilers):
        print(f"skipped: {absent} is not installed")
    cases = [(c, flags) for c in compilers
             for flags in ALL + (CLANG if "clang" in pathlib.Path(c).name else [])]
    if options.short:
        cases = [case for case in cases if case[1] in CLANG or
                 ALL.index(case[1]) % len(compilers) == compilers.index(case[0])]
    if options.quick:
        cases = [(c, QUICK[i % len(QUICK)]) for i, c in enumerate(compilers)]

    hashes, failed = set(), 0
    with tempfile.TemporaryDirectory() as name, concurrent.futures.ThreadPoolExecutor(2) as pool:
        folder = pathlib.Path(name)
        jobs = [pool.submit(build_and_run, folder, i, *case) for i, case in enumerate(cases)]
        for (compiler, flags), job in zip(cases, jobs):
            line, printed = job.result()
            print(f"{compiler} {' '.join(flags)}: {line or 'FAILED ' + printed}", flush=True)
            failed += line is None
            if line is not None:
                hashes.add(line)
    if failed or len(hashes) != 1:
        sys.exit(f"{failed} failed, {len(hashes)} different results; one is wanted")
    print(f"{len(cases)} builds, one hash")


if __name__ == "__main__":
    main()
