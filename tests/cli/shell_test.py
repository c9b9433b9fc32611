#!/usr/bin/env python3
"""Completions, as the shells themselves complete with them, and the manual page."""
import re
import shutil
import subprocess
import unittest

import program
from program import ProgramTest

COMMANDS = {"score", "run", "inspect", "embed", "quantize", "quant-drop", "registry", "isa", "signature", "latency",
            "completion"}
# What is typed, and what must and must not be offered.
TYPED = [
    ("tinymlp ", COMMANDS, {"manual", "csv"}),
    ("tinymlp regis", {"registry"}, {"run"}),
    ("tinymlp registry ", {"add", "validate", "sign"}, {"score"}),
    ("tinymlp registry add --qu", {"--quant-mode"}, {"--id"}),
    ("tinymlp score --format ", {"csv", "json", "view"}, {"--raw"}),
    ("tinymlp score --model mlp_large", {"mlp_large", "mlp_large_4k.int8"}, {"mlp_small"}),
    ("tinymlp score --isa avx", {"avx2", "avx512_vnni"}, {"neon"}),
    ("tinymlp run --raw", set(), {"--raw"}),
]


def has(shell):
    return unittest.skipUnless(shutil.which(shell), f"no {shell} here")


class ShellTest(ProgramTest):
    def completion(self, shell):
        done = program.run("completion", shell)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return done.stdout.decode()

    def check(self, complete):
        for typed, wanted, unwanted in TYPED:
            with self.subTest(typed=typed):
                offered = complete(typed)
                self.assertLessEqual(wanted, offered)
                self.assertFalse(unwanted & offered)

    def shell(self, *command):
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    @has("bash")
    def test_bash(self):
        script = self.completion("bash")

        def complete(typed):
            words = typed.split(" ")
            quoted = " ".join(f"'{word}'" for word in words)
            return set(self.shell("bash", "-c", f"{script}\nCOMP_WORDS=({quoted}) COMP_CWORD={len(words) - 1}\n"
                                  "_tinymlp; printf '%s\\n' \"${COMPREPLY[@]}\"").split("\n"))
        self.check(complete)
        for name in ("a log.csv", "b.csv"):
            (self.folder / name).touch()
        self.assertIn("a log.csv", complete("tinymlp score a"))
        self.assertIn("b.csv", complete("tinymlp score --output b"))

    @has("fish")
    def test_fish(self):
        script = self.folder / "tinymlp.fish"
        script.write_text(self.completion("fish"))
        self.check(lambda typed: {line.split("\t")[0] for line in self.shell(
            "fish", "--no-config", "-c", f"source {script}; complete -C '{typed}'").splitlines()})

    @has("zsh")
    def test_zsh(self):
        # What is asked of _arguments.
        script = self.completion("zsh")
        stub = "_arguments() { print -rl -- \"$@\"; [[ $1 == -C ]] && { state=rest; line=(${(z)rest_of_line}); }; true }\n"
        source = self.folder / "_tinymlp"
        source.write_text(stub + script.replace("[[ $funcstack[1] == _tinymlp ]]", "true"))

        def arguments(rest):
            return self.shell("zsh", "-f", "-c", f"rest_of_line='{rest}'; source {source}")
        self.assertEqual(set(re.search(r"1:command:\((.*?)\)", arguments(""))[1].split()), COMMANDS)
        score = arguments("score")
        self.assertRegex(score, r"--format\[.*\]:NAME:\(csv json view\)")
        self.assertRegex(score, r"--model\[.*\]:NAME\|FILE:\{compadd mlp_small .*; _files\}")
        self.assertIn("1:INPUT:_files", score)

    @has("zsh")
    def test_zsh_at_a_terminal(self):
        script = self.folder / "_tinymlp"
        script.write_text(self.completion("zsh"))
        (self.folder / "policy.onnx").touch()
        for typed, wanted in (("tinymlp qua", "tinymlp quant"), ("tinymlp inspect po", "tinymlp inspect policy.onnx "),
                              ("tinymlp run policy.onnx po", "tinymlp run policy.onnx policy.onnx "),
                              ("tinymlp registry add --quant", "tinymlp registry add --quant-mode "),
                              ("tinymlp score --isa avx512_", "tinymlp score --isa avx512_vnni ")):
            with self.subTest(typed=typed):
                said = self.shell("zsh", "-f", program.ROOT / "tests" / "cli" / "at_a_terminal.zsh", script, typed)
                self.assertIn(f"LINE={wanted}=", said)
                self.assertNotIn("_arguments:", said)

    def test_another_shell_is_refused(self):
        self.assertEqual(program.run("completion", "csh").returncode, 2)

    @has("man")
    def test_manual(self):
        done = program.run("manual")
        self.assertEqual(done.returncode, 0)
        page = self.folder / "tinymlp.1"
        page.write_bytes(done.stdout)
        read = subprocess.run(["man", "--warnings", "-E", "ascii", "-l", str(page)], capture_output=True, text=True,
                              check=False, env={"MANWIDTH": "100", "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"})
        self.assertEqual((read.returncode, read.stderr), (0, ""))
        text = re.sub(r"\s+", " ", read.stdout)
        for command in COMMANDS - {"registry"}:
            self.assertIn(f"tinymlp {command} [OPTION]...", text)
        for said in ("--feature-suffix TEXT", "tinymlp registry verify-signature", "EXIT STATUS",
                     "zcat features.csv.gz | tinymlp score - > scores.csv"):
            self.assertIn(said, text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
