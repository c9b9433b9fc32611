#!/usr/bin/env python3
"""The API reference is made without a warning, and an undocumented declaration is one."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from support import ROOT, run

sys.path.insert(0, str(ROOT / "tools" / "reference"))
from comments import Filter  # noqa: E402

PUBLIC = ("tinymlp.h", "tinymlp/error.hpp", "tinymlp/network.hpp", "tinymlp/any_network.hpp", "tinymlp/vmaf.hpp")


def without_comments(text):
    return re.sub(r"\s+", "", re.sub(r"//[^\n]*|/\*.*?\*/|(\"(?:\\.|[^\"\\\n])*\")", r"\1", text, flags=re.DOTALL))


class Reference(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        for name in ("include", "tools/reference"):
            shutil.copytree(ROOT / name, self.folder / name)
        shutil.copy(ROOT / "meson.build", self.folder)

    def make(self):
        return run(self.folder / "tools" / "reference" / "build", "made", cwd=self.folder)

    def page(self, name):
        return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", (self.folder / "made" / name).read_text("utf-8")))

    def test_it_is_made_without_a_warning(self):
        done = self.make()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        # a comment above two functions is both functions'; what is private or detail is nobody's
        network = self.page("classtinymlp_1_1any__network.html")
        self.assertGreaterEqual(network.count("Features in a row, values out of it."), 2)
        self.assertNotIn("run_with", network)
        self.assertNotIn("storage_plan", "".join(p.name for p in (self.folder / "made").iterdir()))
        self.assertIn("A score clipped to 0..100", self.page("tinymlp_8h.html"))
        self.assertIn("constexpr auto net = tinymlp::embed", self.page("index.html"))

    def test_an_undocumented_declaration_is_refused(self):
        for name, before, added in (
            ("tinymlp.h", "#if defined(__cplusplus)\n}\n", "\nTINYMLP_API int tinymlp_bare(void);\n\n"),
            ("tinymlp/vmaf.hpp", "\n// A score clipped", "\nconstexpr int bare() { return 1; }\n"),
        ):
            with self.subTest(name=name):
                path = self.folder / "include" / name
                text = path.read_text()
                self.assertEqual(text.count(before), 1)
                path.write_text(text.replace(before, added + before))
                done = self.make()
                self.assertNotEqual(done.returncode, 0)
                self.assertRegex(done.stderr, r"bare.* is not documented")
                path.write_text(text)


class Comments(unittest.TestCase):
    def filtered(self, text):
        return Filter(text).run()

    def test_code_stays_what_it_is(self):
        for name in PUBLIC:
            text = (ROOT / "include" / name).read_text()
            self.assertEqual(without_comments(self.filtered(text)), without_comments(text), name)

    def test_a_comment_is_of_what_follows_up_to_an_empty_line(self):
        text = self.filtered("// File.\n\n// Both.\nint a();\nint b();\n\nint c();\n")
        self.assertEqual(text.count("/** Both. */"), 2)
        self.assertNotRegex(text, r"\*/\s*int c")

    def test_a_comment_behind_is_of_all_names_of_its_line(self):
        text = self.filtered("// File.\n\nstruct s {\n  int a = 1, b = 2; // Ends.\n  int c;\n};\n")
        self.assertEqual(text.count("/** Ends. */"), 2)
        self.assertNotRegex(text, r"\*/\s*int c")

    def test_marks_of_doxygen_in_a_comment_are_text(self):
        self.assertIn(r"\@param \<b\> \\n", self.filtered("// File.\n\n// @param <b> \\n\nint a;\n"))


if shutil.which("doxygen") is None:
    Reference = unittest.skip("doxygen is not installed")(Reference)

if __name__ == "__main__":
    unittest.main(verbosity=2)
