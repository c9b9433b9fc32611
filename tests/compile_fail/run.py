#!/usr/bin/env python3
"""Compile each source of a folder twice, by each compiler at hand: as it is, which must succeed, and
with -DBROKEN (and its `broken flags`), which must fail and give the reason: a match of the regular
expression after `refused:` in the source's first lines.

    run.py [--sources FOLDER] [--include FOLDER] [COMPILER ...]      default: this folder, g++ clang++

A compiler that exits with 77 is not there; exits with 77 itself where none is.
"""
import argparse
import concurrent.futures
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ALWAYS = ["-std=c++20", "-fsyntax-only", "-Wall", "-Wextra"]


def setting(text, name):
    found = re.search(rf"^// {name}: (.*)$", text, re.MULTILINE)
    return found[1].strip() if found else ""


def compile_one(compiler, include, source, flags):
    command = [compiler, *ALWAYS, f"-I{include}", *flags, str(source)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def check(compiler, include, source, broken):
    """What is wrong, or nothing."""
    text = source.read_text()
    flags = setting(text, "flags").split()
    if broken:
        flags += ["-DBROKEN", *setting(text, "broken flags").split()]
    done = compile_one(compiler, include, source, flags)
    told = done.stdout + done.stderr
    if not broken:
        return None if done.returncode == 0 else f"does not compile:\n{told}"
    if done.returncode == 0:
        return "compiles, though broken"
    reason = setting(text, "refused")
    return None if re.search(reason, told) else f"fails, but does not say `{reason}`:\n{told}"


def installed(compiler):
    if not shutil.which(compiler):
        return False
    return subprocess.run([compiler, "--version"], capture_output=True, check=False).returncode != 77


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sources", type=pathlib.Path, default=HERE)
    parser.add_argument("--include", type=pathlib.Path, default=HERE.parent.parent / "include")
    parser.add_argument("compilers", nargs="*", default=["g++", "clang++"])
    options = parser.parse_args()

    compilers = [c for c in options.compilers if installed(c)]
    for absent in set(options.compilers) - set(compilers):
        print(f"skipped: {absent} is not installed")
    if not compilers:
        sys.exit(77)
    cases = [
        (compiler, source, broken)
        for compiler in compilers
        for source in sorted(options.sources.glob("*.cpp"))
        for broken in (False, True)
    ]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = pool.map(lambda case: check(case[0], options.include, *case[1:]), cases)
        for (compiler, source, broken), wrong in zip(cases, results):
            name = f"{compiler} {source.name}{' -DBROKEN' if broken else ''}"
            print(f"{'FAIL' if wrong else 'ok'}: {name}" + (f" {wrong}" if wrong else ""))
            failed += bool(wrong)
    print(f"{len(cases) - failed} passed, {failed} failed")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
