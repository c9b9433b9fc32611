"""The package's annotations hold together. Part of the long form."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

import tinymlp
from shared import IS_LONG


class Typed(unittest.TestCase):
    def test_it_says_that_it_is(self):
        self.assertTrue(pathlib.Path(tinymlp.__file__).with_name("py.typed").exists())

    @unittest.skipUnless(IS_LONG, "needs the long form: tests/python/run --long")
    def test_mypy(self):
        with tempfile.TemporaryDirectory() as folder:  # the package alone, for its neighbours shadow mypy's modules
            (pathlib.Path(folder) / "tinymlp").symlink_to(pathlib.Path(tinymlp.__file__).parent)
            done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--ignore-missing-imports", "-p", "tinymlp"],
                                  capture_output=True, text=True, cwd=folder)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_what_is_public_is_documented(self):
        for name in tinymlp.__all__:
            public = getattr(tinymlp, name)
            if callable(public):
                self.assertTrue(public.__doc__, name)


if __name__ == "__main__":
    unittest.main()
