#!/usr/bin/env python3
"""include/tinymlp.hpp alone: copied into an empty folder it compiles with warnings as errors, links
into several translation units, runs, and leaves no macro behind and none of others undefined."""
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

HEADER = pathlib.Path(__file__).resolve().parent.parent / "include" / "tinymlp.hpp"
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wconversion", "-Wshadow"]
WANTED = ("g++", "clang++")
COMPILERS = [c for c in WANTED if shutil.which(c)]

PROGRAM = """
#include "tinymlp.hpp"
#include "tinymlp.hpp"
#include <cstdio>
float elsewhere(std::span<const float, 6> row);
constexpr auto small_int8 = tinymlp::quantize(tinymlp::vmaf::small());
int main() {
  const std::array<float, 6> row{0.97F, 0.5F, 0.8F, 0.9F, 0.95F, 3.0F};
  const std::span<const char> file(tinymlp::models::mlp_large_onnx,
                                   sizeof(tinymlp::models::mlp_large_onnx) - 1);
  const auto loaded = tinymlp::load<tinymlp::mlp_large>(file);
  if (!loaded) return 1;
  for (const tinymlp::isa isa : tinymlp::supported())
    if (*loaded->score(row, isa) != elsewhere(row)) return 2;
  if (small_int8.score(row) != tinymlp::vmaf::small_int8().score(row)) return 3;
  std::printf("%.9g\\n", static_cast<double>(elsewhere(row)));
}
"""
SECOND_UNIT = """
#include "tinymlp.hpp"
float elsewhere(std::span<const float, 6> row) { return tinymlp::vmaf::large().score(row); }
"""


# Macros that headers of others leave defined: complex.h, Windows, Arduino, X11, Unreal, sys/types.h.
# Standard headers, which min and max would break, stand before, as they do in such programs.
MACROS_OF_OTHERS = """
#define I _Complex_I
#define small char
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define near
#define far
#define IN
#define OUT
#define OPTIONAL
#define interface struct
#define CONST const
#define VOID void
#define BOOL int
#define TRUE 1
#define FALSE 0
#define ERROR 0
#define STRICT
#define DELETE 1
#define LoadImage LoadImageA
#define bit(b) (1UL << (b))
#define bitRead(value, b) (value)
#define sq(x) ((x) * (x))
#define constrain(x, low, high) (x)
#define round(x) ((long)(x))
#define abs(x) (x)
#define F(text) (text)
#define word(x) (x)
#define PI 3.14
#define HIGH 1
#define LOW 0
#define INPUT 0
#define OUTPUT 1
#define DEFAULT 1
#define B0 0
#define B1 1
#define Bool int
#define Status int
#define Success 0
#define None 0
#define True 1
#define False 0
#define check(x) (x)
#define verify(x) (x)
#define major(x) (x)
#define minor(x) (x)
"""


def macros_left(listing, file_name):
    """Names defined (and not undefined) in that file, and names it undefines without having
    defined them, from the output of -E -dD, whose line markers tell the file."""
    defined, stolen, here = set(), set(), False
    for line in listing.splitlines():
        if marker := re.match(r'# \d+ "(.*)"', line):
            here = marker[1].endswith(file_name)
        elif here and (define := re.match(r"#\s*define (\w+)", line)):
            defined.add(define[1])
        elif here and (undef := re.match(r"#\s*undef (\w+)", line)):
            if undef[1] not in defined:
                stolen.add(undef[1])
            defined.discard(undef[1])
    return defined, stolen


class SingleHeader(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        shutil.copy(HEADER, self.folder)
        (self.folder / "main.cpp").write_text(PROGRAM)
        (self.folder / "second.cpp").write_text(SECOND_UNIT)

    def run_in_folder(self, *command):
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, f"{' '.join(command)}\n{done.stderr}")
        return done

    def test_it_needs_nothing_but_itself(self):
        for compiler in COMPILERS:
            with self.subTest(compiler=compiler):
                done = self.run_in_folder(
                    compiler, "-std=c++20", "-O1", *WARNINGS, "main.cpp", "second.cpp", "-o", "program"
                )
                self.assertEqual(done.stderr, "")
                score = float(self.run_in_folder("./program").stdout)
                self.assertTrue(0 < score < 100, score)

    def test_it_compiles_as_the_next_standard_too(self):
        for compiler in COMPILERS:
            with self.subTest(compiler=compiler):
                self.run_in_folder(compiler, "-std=c++2b", "-fsyntax-only", *WARNINGS, "main.cpp")

    def test_it_parses_networks_at_compile_time_under_sanitizers(self):
        for compiler in COMPILERS:
            for flags in (["-fsanitize=address,undefined"], ["-D_GLIBCXX_DEBUG"]):
                with self.subTest(compiler=compiler, flags=flags):
                    self.run_in_folder(compiler, "-std=c++20", "-fsyntax-only", *flags, "main.cpp")

    def test_it_leaves_no_macro_behind(self):
        for compiler in COMPILERS:
            with self.subTest(compiler=compiler):
                listing = self.run_in_folder(compiler, "-std=c++20", "-E", "-dD", "second.cpp").stdout
                self.assertIn("elsewhere", listing)
                self.assertRegex(listing, r"#define TINYMLP_\w+")  # so there are some to see
                left, stolen = macros_left(listing, "tinymlp.hpp")
                # The first is kept so that parts in the same file are noticed.
                self.assertEqual(left, {"TINYMLP_SINGLE_HEADER", "TINYMLP_VERSION_MAJOR",
                                        "TINYMLP_VERSION_MINOR", "TINYMLP_VERSION_PATCH"})
                pushed, popped = (sorted(re.findall(rf'#pragma {what}_macro\("(\w+)"\)', HEADER.read_text()))
                                  for what in ("push", "pop"))
                self.assertEqual(pushed, popped)
                self.assertEqual(stolen, set(pushed))  # the pragmas are not in the listing

    def test_parts_beside_it_are_refused(self):
        include = f"-I{HEADER.parent}"
        for first, second in (("tinymlp.hpp", "tinymlp/vmaf.hpp"), ("tinymlp/vmaf.hpp", "tinymlp.hpp")):
            (self.folder / "both.cpp").write_text(f"#include <{first}>\n#include <{second}>\n")
            for compiler in COMPILERS:
                with self.subTest(compiler=compiler, first=first):
                    done = subprocess.run([compiler, "-std=c++20", "-fsyntax-only", include, "both.cpp"],
                                          cwd=self.folder, capture_output=True, text=True, check=False)
                    self.assertNotEqual(done.returncode, 0)
                    self.assertIn("are in one file: include either", done.stderr)

    def compiles(self, text, *flags):
        (self.folder / "user.cpp").write_text(text)
        for compiler in COMPILERS:
            with self.subTest(compiler=compiler):
                self.run_in_folder(compiler, "-std=c++20", "-fsyntax-only", *WARNINGS, *flags, "user.cpp")

    def test_it_lives_beside_the_macros_of_others(self):
        standard = sorted(set(re.findall(r"^#include <\w+>$", HEADER.read_text(), re.MULTILINE)))
        self.assertIn("#include <algorithm>", standard)
        self.compiles("\n".join(standard) + MACROS_OF_OTHERS + """
#include "tinymlp.hpp"
#if !defined(I) || !defined(small) || !defined(min)
#error "the header took a macro of others away"
#endif
float score(std::span<const float, 6> row) { return tinymlp::vmaf::small_hd().score(row); }
static_assert(tinymlp::vmaf::small_hd().score(std::array<float, 6>{}) != 0);
""")

    def test_it_lives_beside_the_whole_standard_namespace(self):
        self.compiles("""
#include <bits/stdc++.h>
#include "tinymlp.hpp"
using namespace std;
using namespace tinymlp;
constexpr auto net = embed<mlp_small>(models::mlp_small_onnx);
float one(span<const float, 6> row) { return net.score(row); }
status load_and_run(span<const byte> file, span<const float> rows, span<float> out) {
  owned_network any;
  if (const error e = any.load(file); e.code != status::ok) return e.code;
  for (const isa which : supported())
    if (const status e = any->run(rows, out, which); e != status::ok) return e;
  return load<mlp_large>(file) ? status::ok : status::size_mismatch;
}
using policy = mlp<48, layers::tanh<64>, layers::elu<8>, layers::linear<12>>;
static_assert(quantize(net).score(array<float, 6>{}) != 0);
""")

    def test_it_keeps_its_name_or_is_told_it(self):
        user = '#include "other.hpp"\nfloat f(std::span<const float, 6> row) { return tinymlp::vmaf::small().score(row); }'
        (self.folder / "tinymlp.hpp").rename(self.folder / "other.hpp")
        self.compiles('#define TINYMLP_HEADER "other.hpp"\n' + user)
        (self.folder / "user.cpp").write_text(user)
        for other, text in ((None, "define TINYMLP_HEADER"), ("// another version", "by another name")):
            if other:
                (self.folder / "tinymlp.hpp").write_text(other)
            for compiler in COMPILERS:
                with self.subTest(compiler=compiler, other=other):
                    done = subprocess.run([compiler, "-std=c++20", "-fsyntax-only", "user.cpp"],
                                          cwd=self.folder, capture_output=True, text=True, check=False)
                    self.assertNotEqual(done.returncode, 0)
                    self.assertIn(text, done.stderr)

    def test_it_can_be_precompiled(self):
        for compiler in COMPILERS:
            with self.subTest(compiler=compiler):
                self.run_in_folder(compiler, "-std=c++20", "-O1", "-x", "c++-header", "tinymlp.hpp",
                                   "-o", "tinymlp.hpp." + ("pch" if "clang" in compiler else "gch"))
                use = ["-include-pch", "tinymlp.hpp.pch"] if "clang" in compiler else \
                    ["-Winvalid-pch", "-Werror", "-include", "tinymlp.hpp"]
                self.run_in_folder(compiler, "-std=c++20", "-O1", *use, "-c", "second.cpp")

    def test_each_body_stands_once(self):
        text = HEADER.read_text()
        bodies = HEADER.parent.joinpath("tinymlp", "kernels").glob("*.inl")
        large = [b for b in bodies if b.stat().st_size > 2000]
        self.assertGreater(len(large), 8)
        for body in large:
            self.assertEqual(text.count(body.read_text()), 1, body.name)

    def test_what_a_leftover_would_look_like(self):
        listing = '# 1 "./tinymlp.hpp" 1\n#define A 1\n#define B 1\n#undef B\n#undef C\n# 9 "x.h"\n#define D'
        self.assertEqual(macros_left(listing, "tinymlp.hpp"), ({"A"}, {"C"}))

    def test_both_compilers_were_there(self):
        missing = set(WANTED) - set(COMPILERS)
        if missing:
            self.skipTest(f"not installed: {', '.join(missing)}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
