#!/usr/bin/env python3
"""One signature on every target: tests/cross/scores.cpp, compiled for each, run where it can be.

    tests/cross/run.py                    all targets whose tools are here; each skipped one is named
    tests/cross/run.py --require          a missing tool is a failure
    tests/cross/run.py --short            those that cost CI little (long: macOS and Windows as well)
    tests/cross/run.py --broken           the multiply-add rounds twice: every target must notice
    tests/cross/run.py --write            times a frame, too, and writes the table of
                                          include/tinymlp/README.md; on a quiet machine

Compilers, emulators and Wine are Debian's (tools/setup cross installs them), for WebAssembly, macOS and
Windows also the Clang of the Python package ziglang, which tests/nonblocking/clang --get brings. Exit 1
if a signature differs from README.md's, or something does not compile, link or run.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ZIG = ROOT / ".venv" / "ziglang"
TABLE = ROOT / "include" / "tinymlp" / "README.md"
BEGIN, END = "<!-- generated: where_it_runs -->", "<!-- end -->"


class Target:
    def __init__(self, name, kernels, compiler, flags=(), runner=None, short=True):
        self.name, self.kernels, self.compiler = name, kernels, compiler
        self.flags, self.runner, self.short = flags, runner, short

    def missing(self):
        """The first tool that is not here, or None."""
        if self.compiler == "zig":
            if not (ZIG / "ziglang" / "__init__.py").exists():
                return "ziglang"
        elif shutil.which(self.compiler) is None:
            return self.compiler
        return self.runner[0] if self.runner and shutil.which(self.runner[0]) is None else None

    def command(self):
        if self.compiler != "zig":
            return [self.compiler, "-static", *self.flags]
        return [sys.executable, "-m", "ziglang", "c++", *self.flags]


def gnu(triple, emulator, name, kernels, flags=(), cpu=()):
    return Target(name, kernels, f"{triple}-g++", flags, [emulator, *cpu])


WASI = ["node", "--no-warnings", str(HERE / "wasi.mjs")]
# Relaxed operations are not yet everybody's: Node 20 wants to be asked for them.
RELAXED_FLAG = "--experimental-wasm-relaxed-simd"


def node_knows(flag):
    return shutil.which("node") is not None and flag in subprocess.run(
        ["node", "--v8-options"], capture_output=True, text=True, check=False).stdout


RELAXED = ["node", *([RELAXED_FLAG] if node_knows(RELAXED_FLAG) else []), *WASI[1:]]
# Debian keeps it out of the PATH where the 32-bit one is not installed.
WINE = shutil.which("wine64") or shutil.which("wine") or "/usr/lib/wine/wine64"
X86 = "AVX2, AVX-512, with VNNI; without AVX2 the baseline's vectors"
FMA = "scalar, with the CPU's fused multiply-add"
TARGETS = [
    Target("x86-64, Linux", X86, "g++", (), ["env"]),
    gnu("aarch64-linux-gnu", "qemu-aarch64", "AArch64, Linux", "NEON, dotprod, i8mm", (),
        ("-cpu", "max")),
    gnu("aarch64-linux-gnu", "qemu-aarch64", "AArch64, no system that is known", "NEON", ("-U__linux__",)),
    gnu("arm-linux-gnueabihf", "qemu-arm", "ARMv7 with VFPv4, Linux", FMA, ("-mfpu=vfpv4",)),
    gnu("riscv64-linux-gnu", "qemu-riscv64", "RISC-V 64, Linux", FMA),
    gnu("powerpc64le-linux-gnu", "qemu-ppc64le", "POWER8, Linux", FMA),
    gnu("s390x-linux-gnu", "qemu-s390x", "IBM z, Linux (big-endian)", FMA),
    gnu("mips64el-linux-gnuabi64", "qemu-mips64el", "MIPS64, Linux", "scalar, emulated in double"),
    Target("WebAssembly", "scalar, emulated in double", "zig", ("-target", "wasm32-wasi"), WASI),
    Target("WebAssembly with simd128", "the baseline's vectors", "zig",
           ("-target", "wasm32-wasi", "-msimd128"), WASI),
    Target("WebAssembly with relaxed simd", "the baseline's vectors, relaxed multiply-add", "zig",
           ("-target", "wasm32-wasi", "-msimd128", "-mrelaxed-simd"), RELAXED),
    Target("x86-64, Windows, by Clang", X86, "zig", ("-target", "x86_64-windows-gnu"), [WINE]),
    Target("x86-64, Windows, by GCC", X86, "x86_64-w64-mingw32-g++",
           ("-include", "windows.h"), [WINE]),
    Target("AArch64, macOS", "NEON, dotprod, i8mm", "zig", ("-target", "aarch64-macos"), short=False),
    Target("AArch64, Windows", "NEON", "zig", ("-target", "aarch64-windows-gnu"), short=False),
]


def wanted_signature():
    return re.search(r"signature: `([0-9a-f]{16})`", (ROOT / "README.md").read_text("utf-8"))[1]


def broken_include(folder):
    """A copy of the headers whose multiply-add is a product and a sum, each rounded."""
    include = folder / "include"
    shutil.copytree(ROOT / "include", include)
    path = include / "tinymlp" / "kernels" / "exact.hpp"
    text = path.read_text()
    at = text.index("constexpr float fma(float a, float b, float c) noexcept {")
    begin = text.index("{", at) + 1
    path.write_text(text[:begin] + "\n  return add(mul(a, b), c);\n" + text[begin:])
    # and what has its sums four at a time
    reference = include / "tinymlp" / "kernels" / "reference.hpp"
    text = reference.read_text()
    assert text.count("!std::is_constant_evaluated() &&") == 3
    reference.write_text(text.replace("!std::is_constant_evaluated() &&", "false &&"))
    return include


def try_target(target, include, folder, timed):
    """(signature or None, what it printed)"""
    program = folder / (re.sub(r"\W+", "_", target.name) + ".exe" * (target.runner == [WINE]))
    environment = dict(os.environ, PYTHONPATH=str(ZIG), WINEPREFIX=f"{program}.wine", WINEDEBUG="-all")
    build = subprocess.run([*target.command(), "-std=c++20", "-O2", f"-I{include}",
                            HERE / "scores.cpp", "-o", program],
                           capture_output=True, text=True, env=environment)
    if build.returncode != 0:
        return None, build.stderr
    if target.runner is None:
        return "links", "compiles and links"
    command = [*target.runner, program, *(["reference"] if timed else [])]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment)
        if run.returncode != 0 and target.runner == [WINE] and not run.stdout:  # its first start, on a busy machine
            print(f"again: {target.name}: {run.stderr.strip()}", flush=True)
            run = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment)
    except subprocess.TimeoutExpired:
        return None, "does not end in 600 s"
    if run.returncode != 0:
        return None, f"ends with {run.returncode}: {run.stdout}{run.stderr}"
    return run.stdout[:16], run.stdout  # Wine tells more on its first start


def end_wine(folder):
    """Its servers, which else write into the folder for some seconds after the last program."""
    server = shutil.which("wineserver") or "/usr/lib/wine/wineserver"
    for prefix in folder.glob("*.wine") if shutil.which(server) else ():
        subprocess.run([server, "--kill", "--wait"], env=dict(os.environ, WINEPREFIX=str(prefix)), check=False)


def sums_where_emulated(folder):
    """What is made of sums that are doubtful, where neither the CPU nor a vector unit multiplies and
    adds: nothing above runs that path as far. (The C library's fmaf is no judge under this emulator.)"""
    compiler, emulator, doctest = "mips64el-linux-gnuabi64-g++", "qemu-mips64el", pathlib.Path("/usr/include/doctest")
    for needed in (compiler, emulator):
        if shutil.which(needed) is None:
            return None, f"{needed} is not here"
    if not doctest.exists():
        return None, "doctest is not here"
    shutil.copytree(doctest, folder / "own" / "doctest")  # without the other headers beside it
    program = folder / "exact_test"
    build = subprocess.run([compiler, "-static", "-std=c++20", "-O1", f"-I{ROOT / 'include'}", f"-I{HERE.parent}",
                            f"-I{folder / 'own'}", HERE.parent / "exact_test.cpp", HERE.parent / "test_main.cpp",
                            "-o", program], capture_output=True, text=True, check=False)
    if build.returncode != 0:
        return False, build.stderr
    run = subprocess.run([emulator, program, "--test-case=sums*,fma rounds once*,scores in double*"],
                         capture_output=True, text=True,
                         timeout=600, check=False)
    ran = re.search(r"test cases: +3 \| +3 passed", run.stdout)
    return run.returncode == 0 and ran is not None, run.stdout + run.stderr


def write_table(results):
    lines = ["| Target | Kernels | Same bits | One frame over a plain loop's, mlp_small / mlp_large | As int8 |",
             "| --- | --- | --- | ---: | ---: |"]
    for target, printed in results:
        ratios = [f"{small} / {large}" for small, large in
                  re.findall(r"mlp_small ([\d.]+) mlp_large ([\d.]+)", printed)] or ["", ""]
        lines.append(f"| {target.name} | {target.kernels} | "
                     f"{'yes' if target.runner else 'compiled and linked'} | {ratios[0]} | {ratios[1]} |")
    text = TABLE.read_text("utf-8")
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    TABLE.write_text(text[:begin] + "\n" + "\n".join(lines) + "\n" + text[end:], "utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for flag in ("require", "short", "broken", "write"):
        parser.add_argument(f"--{flag}", action="store_true")
    options = parser.parse_args()
    wanted, failed, ran, results = wanted_signature(), 0, 0, []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        include = broken_include(folder) if options.broken else ROOT / "include"
        targets = [t for t in TARGETS
                   if not (options.short and not t.short or options.broken and not t.runner)]
        # Two at a time, but for times.
        with concurrent.futures.ThreadPoolExecutor(1 if options.write else 2) as pool:
            tried = [(t, None if t.missing() else pool.submit(try_target, t, include, folder, options.write))
                     for t in targets]
            sums = None if options.broken else pool.submit(sums_where_emulated, folder)
            for target, job in tried:
                if job is None:
                    print(f"skipped: {target.name}: {target.missing()} is not here", flush=True)
                    failed += options.require
                    continue
                found, printed = job.result()
                ok = found == (wanted if target.runner else "links")
                if options.broken:  # a program that notices by itself is as good
                    ok = not ok and ("DIFFERS" in printed or found is not None)
                print(f"{'ok' if ok else 'FAILED'}: {target.name}: {printed.strip()}", flush=True)
                ran += 1
                failed += not ok
                results.append((target, printed))
        end_wine(folder)
        if sums:
            ok, printed = sums.result()
            told = {True: "ok", False: "FAILED", None: "skipped"}[ok]
            print(f"{told}: sums where multiply-add is emulated: {'' if ok else printed}", flush=True)
            failed += ok is False or ok is None and options.require
    if options.write and not failed:
        write_table(results)
    print(f"{ran} targets, {failed} failed; the signature is {wanted}")
    return 1 if failed or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
