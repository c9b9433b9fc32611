#!/usr/bin/env python3
"""Builds the player for a Cortex-M4F, runs it under QEMU, and compares its scores with this machine's.

    tools/embedded/run.py              prints flash, RAM and instructions a frame, of each network in the
                                       table of README.md
    tools/embedded/run.py --check      of mlp_small and mlp_small_int8 alone, and requires that table: to 2
                                       percent, for compilers differ

Wants gcc-arm-none-eabi, libstdc++-arm-none-eabi-newlib and qemu-system-arm. Exit 1 if a score differs.
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
INCLUDE = HERE.parents[1] / "include"
FLAGS = ["-std=c++20", "-Os", "-fno-exceptions", "-fno-rtti", "-Wall", "-Wextra", "-Werror", f"-I{INCLUDE}"]
BOARD = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "-ffunction-sections",
         "-fdata-sections", "-fno-threadsafe-statics", "-nostartfiles", "-specs=nosys.specs", "-Wl,--gc-sections",
         f"-Wl,-T,{HERE / 'mps2_an386.ld'}", "-Wl,--no-warn-rwx-segments"]
ON_THIS_MACHINE = """
#include "player.hpp"
#include <bit>
#include <cstdio>
int main() {
  for (const auto& frame : frames) {
    const float score = score_of(frame);
    std::printf("%08x\\n", score == score ? std::bit_cast<unsigned>(score) : 0x7fc00000U);
  }
}
"""


def must(*command, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False, timeout=120, **options)
    if done.returncode != 0:
        sys.exit(f"embedded: {command[0]}: {done.stdout}{done.stderr}")
    return done.stdout


def linker_takes(flag, folder):
    """Older linkers lack --no-warn-rwx-segments, and the warning."""
    (folder / "empty.c").write_text("")
    return subprocess.run(["arm-none-eabi-gcc", flag, "-nostdlib", "-Wl,-e,0", folder / "empty.c", "-o",
                           folder / "empty"], capture_output=True, check=False).returncode == 0


def player_with(network, folder):
    """The player of another network; player.hpp has mlp_small."""
    text = (HERE / "player.hpp").read_text("utf-8")
    assert text.count("vmaf::small()") == 1
    (folder / "player.hpp").write_text(text.replace("vmaf::small()", f"vmaf::{network.removeprefix('mlp_')}()"), "utf-8")
    shutil.copy(HERE / "board.cpp", folder)
    (folder / "native.cpp").write_text(ON_THIS_MACHINE)


def measured(network, folder):
    """(bytes of flash, of RAM, instructions a frame)"""
    player_with(network, folder)
    board = [f for f in BOARD if "no-warn" not in f or linker_takes(f, folder)]
    elf, native = folder / "player.elf", folder / "native"
    must("arm-none-eabi-g++", *FLAGS, *board, folder / "board.cpp", "-o", elf)
    must("c++", *FLAGS, folder / "native.cpp", "-o", native)
    expected = must(native).split()
    *scores, instructions = must(
        "qemu-system-arm", "-M", "mps2-an386", "-cpu", "cortex-m4", "-icount", "shift=0", "-display", "none",
        "-monitor", "none", "-serial", "none", "-semihosting-config", "enable=on,target=native,chardev=out",
        "-chardev", "stdio,id=out", "-kernel", elf).split()
    text, data, bss = (int(n) for n in must("arm-none-eabi-size", elf).splitlines()[1].split()[:3])
    symbols = must("arm-none-eabi-nm", elf)
    for heap in (" malloc", " _sbrk", " _Znwj", "__cxa_throw"):
        if heap in symbols:
            sys.exit(f"embedded: the program holds{heap}")
    if scores != expected:
        sys.exit(f"embedded: {network}: other scores than on this machine: {scores} instead of {expected}")
    flash, ram, instructions = text + data, data + bss, int(instructions, 16)
    print(f"{network} on a Cortex-M4F: {flash:,} bytes of flash, {ram} of RAM, {instructions:,} instructions a frame; "
          f"{len(scores)} scores as on this machine", flush=True)
    return flash, ram, instructions


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    for tool in ("arm-none-eabi-g++", "qemu-system-arm", "c++"):
        if shutil.which(tool) is None:
            sys.exit(f"embedded: {tool} is not here")
    rows = {name: [int(n.replace(",", "")) for n in numbers] for name, *numbers in
            re.findall(r"^\| (mlp_\w+) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|", (HERE / "README.md").read_text(), re.M)}
    for network in ("mlp_small", "mlp_small_int8") if options.check else rows:
        with tempfile.TemporaryDirectory() as name:
            found = measured(network, pathlib.Path(name))
        for what, now, was in zip(("flash", "RAM", "instructions"), found, rows[network]) if options.check else ():
            if now > was * 1.02 + 4:
                sys.exit(f"embedded: {network}: {what}: {now}, where README.md tells {was}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
