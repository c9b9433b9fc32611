#!/usr/bin/env python3
"""The library tinymlp as others see it: c_users_test.py SHARED_LIBRARY STATIC_LIBRARY

The examples in C and Rust run with the shared library and with the static one, which needs nothing but
libc, and a shipped network's score is that of its file; the header is C11 without a warning; the library shows what symbols.txt
lists and nothing else."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "library"
EXAMPLES = ROOT / "tools" / "library" / "examples"
INCLUDE = f"-I{ROOT / 'include'}"
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Wstrict-prototypes", "-Werror"]
SHARED = STATIC = None


def run(*command, **options):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False, **options)


class Users(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def must(self, *command, **options):
        done = run(*command, cwd=self.folder, **options)
        self.assertEqual(done.returncode, 0, f"{' '.join(map(str, command))}\n{done.stderr}")
        return done.stdout

    def library_folder(self, library):
        """A folder that holds the library alone, by the names that -ltinymlp and the loader look for."""
        to = self.folder / "lib"
        to.mkdir()
        real = library.resolve()
        shutil.copy(real, to / ("libtinymlp.a" if library == STATIC else "libtinymlp.so.0"))
        if library == SHARED:
            (to / "libtinymlp.so").symlink_to("libtinymlp.so.0")
        return to

    def test_the_example_in_c(self):
        for compiler in filter(shutil.which, ("gcc", "clang")):
            for library in (SHARED, STATIC):
                with self.subTest(compiler=compiler, library=library.name):
                    lib = self.library_folder(library)
                    self.must(compiler, "-std=c11", "-O1", *STRICT, INCLUDE, EXAMPLES / "score.c", f"-L{lib}",
                              "-ltinymlp", f"-Wl,-rpath,{lib}", "-o", "score")
                    row = "0.956559 0.402946 0.8345 0.915718 0.95124 0".split()
                    of_file = self.must("./score", ROOT / "model" / "mlp_small.onnx", *row)
                    self.assertEqual(self.must("./score"), of_file)
                    self.assertTrue(0 < float(of_file) < 100)
                    refused = run("./score", ROOT / "model" / "registry.json", cwd=self.folder)
                    self.assertEqual(refused.returncode, 1)
                    self.assertRegex(refused.stderr, r"registry.json: byte \d+, .+: .+")
                    shutil.rmtree(lib)

    def test_the_example_in_rust(self):
        if not shutil.which("rustc"):
            self.skipTest("no rustc here")
        lib = self.library_folder(SHARED)
        self.must("gcc", "-std=c11", INCLUDE, EXAMPLES / "score.c", f"-L{lib}", "-ltinymlp",
                  f"-Wl,-rpath,{lib}", "-o", "score_c")
        self.must("rustc", "--edition", "2021", "-D", "warnings", EXAMPLES / "score.rs", f"-L{lib}", "-ltinymlp",
                  "-C", f"link-arg=-Wl,-rpath,{lib}")
        self.assertAlmostEqual(float(self.must("./score")), float(self.must("./score_c")), places=4)
        self.assertEqual(run("./score", "nothing", cwd=self.folder).returncode, 1)

    def test_the_header_is_plain_c(self):
        (self.folder / "alone.c").write_text("#include <tinymlp.h>\n#include <tinymlp.h>\n"
                                             "int main(void) { return tinymlp_version()[0] == 0; }\n")
        for compiler in filter(shutil.which, ("gcc", "clang")):
            for standard in ("c11", "c17", "gnu11"):
                with self.subTest(compiler=compiler, standard=standard):
                    self.must(compiler, f"-std={standard}", *STRICT, INCLUDE, "-fsyntax-only", "alone.c")

    def test_a_plugin_may_keep_its_own_copy_to_itself(self):
        (self.folder / "own.c").write_text("#define TINYMLP_API\n#include <tinymlp.h>\n")
        self.assertNotIn("visibility", self.must("gcc", "-std=c11", *STRICT, INCLUDE, "-E", "own.c"))

    def test_symbols(self):
        wanted = (HERE / "symbols.txt").read_text().split()
        shown = [line.split()[-1].split("@")[0]
                 for line in self.must("nm", "-D", "--defined-only", SHARED).splitlines()]
        self.assertEqual(sorted(shown), wanted)
        header = (ROOT / "include" / "tinymlp.h").read_text()
        declared = re.findall(r"^TINYMLP_API [^;(]*?\b(tinymlp_\w+)\(", header, re.MULTILINE)
        self.assertEqual(sorted(declared), wanted)

    def test_the_shared_library_needs_libc_alone(self):
        dynamic = self.must("readelf", "-d", SHARED)
        needed = re.findall(r"\(NEEDED\).*\[(.+)\]", dynamic)
        self.assertTrue(set(needed) <= {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"},
                        needed)
        self.assertIn("[libtinymlp.so.0]", dynamic)

    def test_structs_keep_their_layout(self):
        (self.folder / "layout.c").write_text("""
#include <tinymlp.h>
#define HOLDS(c) _Static_assert(c, #c)
HOLDS(sizeof(tinymlp_error) == 144 && offsetof(tinymlp_error, offset) == 8);
HOLDS(offsetof(tinymlp_error, where) == 16 && offsetof(tinymlp_error, op_type) == 112);
HOLDS(sizeof(tinymlp_model) == 5 * sizeof(void*) && sizeof(tinymlp_external_file) == 3 * sizeof(void*));
HOLDS(sizeof(tinymlp_input) == 4 * sizeof(void*) && offsetof(tinymlp_input, first) == sizeof(void*));
HOLDS(sizeof(tinymlp_vmaf_features) == 24 && offsetof(tinymlp_vmaf_features, motion2) == 20);
HOLDS(sizeof(tinymlp_motion2_stream) == 8 && sizeof(tinymlp_status) == 4);
HOLDS(TINYMLP_OUT_OF_MEMORY == 60 - 1);
""")
        self.must("gcc", "-std=c11", *STRICT, INCLUDE, "-fsyntax-only", "layout.c")


if __name__ == "__main__":
    STATIC, SHARED = (pathlib.Path(sys.argv.pop()).resolve() for _ in range(2))
    unittest.main(verbosity=2)
