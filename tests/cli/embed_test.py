#!/usr/bin/env python3
"""`tinymlp embed`: headers that compile alone and hold the very bytes."""
import hashlib
import os
import shutil
import subprocess

import onnx_bytes
import program
from program import ROOT, ProgramTest

COMPILERS = [c for c in ("g++", "clang++") if shutil.which(c)]
STRICT = ["-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror"]
MODEL = ROOT / "model" / "mlp_small.onnx"


class Embed(ProgramTest):
    def compile_and_run(self, compiler, source):
        program_file = self.folder / "program"
        self.write("main.cpp", source)
        subprocess.run([compiler, *STRICT, "-I", self.folder, "-I", ROOT / "include",
                        self.folder / "main.cpp", "-o", program_file], check=True)
        return subprocess.run([program_file], check=True, capture_output=True).stdout

    def test_shipped_headers_are_generated(self):
        for name in ("mlp_small", "mlp_medium", "mlp_large"):
            fresh = self.accept("embed", ROOT / "model" / f"{name}.onnx", "--namespace",
                                "tinymlp::models").decode()
            shipped = (ROOT / "include" / "tinymlp" / "models" / f"{name}.hpp").read_text()
            self.assertEqual(shipped, fresh, f"{name}.hpp: run tinymlp embed again")

    def test_header_compiles_alone_and_holds_the_bytes(self):
        # every byte value after every other, in a file that is still a model
        every = bytes(b for a in range(256) for b in (a, 255 - a)) + b'??/"\\0??=7\n'
        doc = b"\x32" + bytes([len(every) & 0x7F | 0x80, len(every) >> 7]) + every
        model = self.write("my-model.v1.onnx", MODEL.read_bytes() + doc)
        self.accept("embed", model, "--output", self.folder / "header.hpp")
        header = (self.folder / "header.hpp").read_text()
        self.assertLessEqual(max(map(len, header.splitlines())), 100)
        for compiler in COMPILERS:
            for standard in ("-std=c++20", "-std=gnu++17"):
                self.write("alone.cpp", '#include "header.hpp"\n')
                subprocess.run([compiler, *STRICT, standard, "-I", self.folder, "-fsyntax-only",
                                self.folder / "alone.cpp"], check=True)
            out = self.compile_and_run(compiler, '#include "header.hpp"\n#include <cstdio>\n'
                                       "int main() { std::fwrite(my_model_v1_onnx, 1, "
                                       "sizeof my_model_v1_onnx - 1, stdout); }\n")
            self.assertEqual(out, model.read_bytes())

    def test_ready_for_embed(self):
        self.accept("embed", MODEL, "--name", "weights", "--namespace", "app::models", "--output",
                    self.folder / "header.hpp")
        source = ('#include <tinymlp/tinymlp.hpp>\n#include "header.hpp"\n#include <cstdio>\n'
                  "constexpr auto net = tinymlp::embed<tinymlp::mlp_small>(app::models::weights);\n"
                  "constexpr tinymlp::vmaf::features frame{.adm2 = 0.956559F, .vif_scale0 = 0.402946F,"
                  " .vif_scale1 = 0.8345F, .vif_scale2 = 0.915718F, .vif_scale3 = 0.95124F,"
                  " .motion2 = 0.0F};\n"
                  'int main() { std::printf("%.9g", static_cast<double>(net.score(frame))); }\n')
        log = program.SAMPLES / "vtest_x264_36.csv"
        for compiler in COMPILERS:
            self.assertEqual(self.compile_and_run(compiler, source).decode(), self.scores(log)[0][1])

    def test_the_type_is_deduced(self):
        self.accept("embed", MODEL, "--name", "weights", "--output", self.folder / "plain.hpp")
        heads = self.write("heads.onnx", onnx_bytes.two_heads())
        self.accept("embed", heads, "--output", self.folder / "heads.hpp")
        source = ('#include <tinymlp/tinymlp.hpp>\n#include "plain.hpp"\n#include "heads.hpp"\n'
                  "#include <array>\n#include <cstdio>\n#include <type_traits>\n"
                  "constexpr auto small = tinymlp::embed<weights>();\n"
                  "static_assert(std::is_same_v<decltype(small), const tinymlp::mlp_small>);\n"
                  "constexpr auto heads = tinymlp::embed<heads_onnx>();\n"
                  "static_assert(heads.inputs == 4 && heads.outputs == 2);\n"
                  "int main() {\n"
                  "  const std::array<float, 4> row{1, 2, 3, 1};\n"
                  "  const auto out = heads.run(row);\n"
                  '  std::printf("row,action.0,action.1\\n0,%.9g,%.9g\\n",'
                  " static_cast<double>(out[0]), static_cast<double>(out[1]));\n}\n")
        wanted = self.accept("run", heads, "-", stdin="1,2,3,0,0,1\n")
        for compiler in COMPILERS:
            self.assertEqual(self.compile_and_run(compiler, source), wanted)

    def test_a_static_int8_file_is_ready_for_embed(self):
        static = self.folder / "large.onnx"
        self.accept("quantize", ROOT / "model" / "mlp_large.onnx", "--static",
                    ROOT / "model" / "quant_rows.csv", "--output", static)
        self.accept("embed", static, "--output", self.folder / "header.hpp")
        source = ('#include <tinymlp/tinymlp.hpp>\n#include "header.hpp"\n#include <cstdio>\n'
                  "constexpr auto net = tinymlp::embed<tinymlp::mlp_large_static_int8>(large_onnx);\n"
                  "constexpr tinymlp::vmaf::features frame{.adm2 = 0.956559F, .vif_scale0 = 0.402946F,"
                  " .vif_scale1 = 0.8345F, .vif_scale2 = 0.915718F, .vif_scale3 = 0.95124F,"
                  " .motion2 = 0.0F};\n"
                  "constexpr float by_compiler = net.score(frame);\n"
                  "int main() { std::printf(\"%.9g %.9g\", static_cast<double>(net.score(frame)),"
                  " static_cast<double>(by_compiler)); }\n")
        wanted = self.scores("--model", static, program.SAMPLES / "vtest_x264_36.csv")[0][1]
        for compiler in COMPILERS:
            self.assertEqual(self.compile_and_run(compiler, source).decode(), f"{wanted} {wanted}")

    def test_same_bytes_every_time_and_from_anywhere(self):
        first = self.accept("embed", MODEL)
        copy = self.folder / "elsewhere" / "mlp_small.onnx"
        copy.parent.mkdir()
        shutil.copy(MODEL, copy)
        self.assertEqual(self.accept("embed", copy), first)
        self.assertEqual(self.accept("embed", "mlp_small.onnx", cwd=copy.parent), first)

    def test_says_what_it_holds(self):
        text = self.accept("embed", MODEL).decode()
        self.assertIn(hashlib.sha256(MODEL.read_bytes()).hexdigest(), text)
        for part in ("mlp_small.onnx", "6-16-8-1", "fp32", "#pragma once",
                     "inline constexpr char mlp_small_onnx[]"):
            self.assertIn(part, text)

    def test_names(self):
        for bad in ("2fast", "a-b", "", "class", "_a", "a__b", "a b", "a;", "ä"):
            self.refuse("embed", MODEL, "--name", bad, status=2, because="not a C++ identifier")
        for bad in ("2x", "a:b", "a::", "::a", "a::int", "a b"):
            self.refuse("embed", MODEL, "--namespace", bad, status=2, because="not a C++ namespace")
        odd = self.folder / "2 models.onnx"
        shutil.copy(MODEL, odd)
        self.refuse("embed", odd, status=2, because=["not a C++ identifier", "--name"])
        self.accept("embed", odd, "--name", "models_2")

    def test_writes_whole_or_not_at_all(self):
        kept = self.write("kept.hpp", "before")
        bad = self.write("bad.onnx", MODEL.read_bytes()[:-1])
        self.refuse("embed", bad, "--output", kept, because="byte ")
        self.assertEqual(kept.read_bytes(), b"before")
        copy = self.write("copy.onnx", MODEL.read_bytes())
        self.refuse("embed", copy, "--output", copy, status=2, because="--output")
        self.assertEqual(sorted(os.listdir(self.folder)), ["bad.onnx", "copy.onnx", "kept.hpp"])


if __name__ == "__main__":
    program.main()
