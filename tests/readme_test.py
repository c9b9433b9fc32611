#!/usr/bin/env python3
"""The README's example compiles as it stands, warnings as errors, and scores a real frame."""
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMPILERS = [c for c in ("g++", "clang++") if shutil.which(c)]


def code_blocks(language="cpp"):
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), re.S)


class Readme(unittest.TestCase):
    def run_code(self, compiler, code):
        with tempfile.TemporaryDirectory() as folder:
            source, program = pathlib.Path(folder, "example.cpp"), pathlib.Path(folder, "example")
            source.write_text(code)
            subprocess.run(
                [compiler, "-std=c++20", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
                 "-I", ROOT / "include", source, "-o", program], check=True)
            return subprocess.run([program], check=True, capture_output=True, text=True).stdout

    def test_example_scores_like_libvmaf(self):
        # frame 0 of model/samples/vtest_x264_36.json: libvmaf's vmaf_v0.6.1 says 81.139658
        for compiler in COMPILERS:
            with self.subTest(compiler=compiler):
                self.assertAlmostEqual(float(self.run_code(compiler, code_blocks()[0])), 81.14, delta=1)

    CONTEXT = (
        "#include <tinymlp.hpp>\n#include <cstdio>\n#include <vector>\n"
        "inline constexpr auto& my_model_onnx = tinymlp::models::mlp_medium_onnx;\n"
        "static void report(tinymlp::error) {}\n"
        "int main() {\n"
        "std::span<const char> file_bytes(my_model_onnx, sizeof my_model_onnx - 1);\n")

    def test_second_example_compiles_in_context(self):
        context = self.CONTEXT + "std::vector<float> rows(12, 0.5F), scores(2);\n"
        check = ("(void)int8, (void)fixed; return done == tinymlp::status::ok && loaded &&\n"
                 "  loaded->score(rows, scores) == done && scores[0] == scores[1] ? 0 : 1; }\n")
        for compiler in COMPILERS:
            with self.subTest(compiler=compiler):
                self.run_code(compiler, context + code_blocks()[1] + check)

    def test_third_example_compiles_in_context(self):
        # the policy's bytes are no policy: both ways must say so
        context = self.CONTEXT + (
            "(void)&report; std::span<const char> policy_bytes = file_bytes.first(100);\n"
            "std::array<float, 48> observation{}; tinymlp::status done = tinymlp::status::ok;\n"
            "std::vector<float> observations(96), actions(24);\n")
        check = "return !walk && done == tinymlp::status::ok && any->inputs() == 0 ? 0 : 1; }\n"
        code = code_blocks()[2].replace("std::array<float, 12> action", "[[maybe_unused]] std::array<float, 12> action")
        for compiler in COMPILERS:
            with self.subTest(compiler=compiler):
                self.run_code(compiler, context + code + check)

    def test_the_c_example_compiles_in_context(self):
        includes, code = code_blocks("c")[0].split("\n\n", 1)
        text = f"{includes}\nfloat of_first(void);\nfloat of_first(void) {{\n{code}return score;\n}}\n"
        for compiler in filter(shutil.which, ("gcc", "clang")):
            with self.subTest(compiler=compiler):
                subprocess.run([compiler, "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only",
                                "-I", ROOT / "include", "-x", "c", "-"], input=text, text=True, check=True)


if __name__ == "__main__":
    unittest.main(verbosity=2)
