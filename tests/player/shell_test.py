"""The player's completions, as the shells complete with them, and its manual page."""
import re
import shutil
import subprocess
import unittest

from clips import PLAYER, ROOT, PlayerTest, play


def has(shell):
    return unittest.skipUnless(shutil.which(shell), f"no {shell} here")


class Shells(PlayerTest):
    def completion(self, shell):
        done = play("--completion", shell)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def said(self, *command, **options):
        (self.folder / "reference.mkv").touch()
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False, cwd=self.folder, **options)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    @has("bash")
    def test_bash(self):
        script = self.completion("bash")
        for typed, wanted in (("re", {"reference.mkv"}), ("--by", {"--by-number"}), ("--model mlp_large_4k.", {"mlp_large_4k.int8"})):
            words = ["tinymlp-player", *typed.split()]
            offered = self.said("bash", "--posix", "-c", f"{script}\nCOMP_WORDS=({' '.join(words)}) COMP_CWORD={len(words) - 1}\n"
                                "_tinymlp_player; printf '%s\\n' \"${COMPREPLY[@]}\"")
            self.assertEqual(set(offered.split()), wanted)

    @has("fish")
    def test_fish(self):
        script = self.folder / "player.fish"
        script.write_text(self.completion("fish"))
        for typed, wanted in (("--by", "--by-number"), ("reference.mkv --mod", "--model"), ("--isa avx512_", "avx512_vnni")):
            offered = self.said("fish", "--no-config", "-c", f"source {script}; complete -C 'tinymlp-player {typed}'")
            self.assertEqual([line.split("\t")[0] for line in offered.splitlines()], [wanted])

    @has("zsh")
    def test_zsh(self):
        script = self.folder / "_tinymlp-player"
        script.write_text(self.completion("zsh"))
        for typed, wanted in (("re", "reference.mkv "), ("reference.mkv re", "reference.mkv reference.mkv "),
                              ("--by", "--by-number "), ("--model mlp_large_4k.", "--model mlp_large_4k.int8 ")):
            said = self.said("zsh", "-f", ROOT / "tests" / "cli" / "at_a_terminal.zsh", script, f"tinymlp-player {typed}")
            self.assertIn(f"LINE=tinymlp-player {wanted}=", said)
            self.assertNotIn("_arguments:", said)

    def test_another_shell_is_refused(self):
        self.assertEqual(play("--completion", "csh").returncode, 2)

    def test_a_full_disk_is_told(self):
        for asked in (["--completion", "bash"], ["--manual"]):
            with open("/dev/full", "w") as full:
                done = subprocess.run([PLAYER, *asked], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("cannot write", done.stderr)

    @has("man")
    def test_manual(self):
        page = self.folder / "tinymlp-player.1"
        done = play("--manual")
        self.assertEqual(done.returncode, 0, done.stderr)
        page.write_text(done.stdout)
        text = self.said("man", "--warnings", "-E", "ascii", "-l", page,
                         env={"MANWIDTH": "100", "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"})
        text = re.sub(r"\s+", " ", text)
        for part in ("tinymlp-player - score each frame", "[OPTION]... REFERENCE DISTORTED", "--by-number", "EXIT STATUS",
                     "tinymlp-player --json - reference.mkv encoded.mp4 | jq .score"):
            self.assertIn(part, text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
