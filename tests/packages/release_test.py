#!/usr/bin/env python3
"""tools/packages/release: the same bytes from any clone, a signature that holds, and what it refuses."""
import hashlib
import os
import pathlib
import re
import shutil
import tarfile
import tempfile
import unittest

from support import ROOT, clone, must, run


def release(tree, *options, **environment):
    return run(tree / "tools" / "packages" / "release", *options, environment=environment)


def commit(tree, *edits):
    """Each edit: a file, a text in it, and what takes its place."""
    for name, old, new in edits:
        text = (tree / name).read_text()
        assert old in text, (name, old)
        (tree / name).write_text(text.replace(old, new, 1))
    must("git", "-C", tree, "commit", "--quiet", "--all", "--allow-empty", "--message", "edited")


class Release(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.home = cls.folder / "gnupg"
        cls.home.mkdir(mode=0o700)
        cls.gpg = {"GNUPGHOME": str(cls.home)}
        for user in ("one", "another"):
            must("gpg", "--batch", "--passphrase", "", "--quick-generate-key", f"{user}@example.org", "ed25519", "sign",
                 "never", **cls.gpg)
        cls.addClassCleanup(run, "gpgconf", "--kill", "all", environment=cls.gpg)
        cls.version = re.search(r"version: '([\d.]+)'", (ROOT / "meson.build").read_text())[1]

    def setUp(self):
        self.tree = clone(self.folder / self.id())
        self.output = self.folder / f"{self.id()}.output"

    def refused(self, reason, *options):
        done = release(self.tree, "--output", self.output, *options, **self.gpg)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertRegex(done.stderr, reason)
        self.assertEqual(list(self.output.iterdir()) if self.output.exists() else [], [])

    def prepare(self):
        """A commit that may be released, and its tag."""
        changes = (self.tree / "CHANGELOG.md").read_text()
        heading = re.search(r"^## .*$", changes, re.MULTILINE)[0]
        (self.tree / "CHANGELOG.md").write_text(changes.replace(heading, f"## {self.version}, 2026-12-01", 1))
        must("git", "-C", self.tree, "commit", "--quiet", "--all", "--allow-empty", "--message", "dated")
        must("git", "-C", self.tree, "tag", f"v{self.version}")

    def test_two_clones_give_the_same_bytes(self):
        other = clone(self.folder / "elsewhere")
        for key, value in (("core.autocrlf", "true"), ("tar.umask", "0077"), ("user.name", "another")):
            must("git", "-C", other, "config", key, value)
        for file in other.glob("*.md"):
            os.utime(file, (1, 1))
        umask = os.umask(0o077)
        try:
            first = release(self.tree, "--snapshot", "--output", self.output)
            os.umask(0o002)
            second = release(other, "--snapshot", "--output", self.folder / "second", TZ="Asia/Tokyo", LC_ALL="C",
                             XZ_OPT="--check=crc32", HOME=str(self.folder))
        finally:
            os.umask(umask)
        self.assertEqual((first.returncode, second.returncode), (0, 0), first.stderr + second.stderr)
        name = f"tinymlp-{self.version}.tar.xz"
        for file in (name, "SHA256SUMS"):
            self.assertEqual((self.output / file).read_bytes(), (self.folder / "second" / file).read_bytes(), file)
        made = int(must("git", "-C", self.tree, "log", "-1", "--format=%ct"))
        with tarfile.open(self.output / name) as tar:
            entries = tar.getmembers()
        self.assertEqual({(e.mtime, e.uid, e.gid, e.uname, e.gname) for e in entries}, {(made, 0, 0, "root", "root")})
        self.assertEqual({e.name.split("/")[0] for e in entries}, {f"tinymlp-{self.version}"})
        self.assertEqual({e.mode for e in entries}, {0o755, 0o644})
        files = must("git", "-C", self.tree, "ls-files").split("\n")[:-1]
        self.assertEqual(sorted(e.name.split("/", 1)[1] for e in entries if e.isfile()), sorted(files))

    def test_a_release_is_signed_and_its_sums_hold(self):
        self.prepare()
        done = release(self.tree, "--output", self.output, "--key", "one@example.org", **self.gpg)
        self.assertEqual(done.returncode, 0, done.stderr)
        name = f"tinymlp-{self.version}.tar.xz"
        self.assertEqual(sorted(p.name for p in self.output.iterdir()),
                         ["SHA256SUMS", "SHA256SUMS.asc", name, f"{name}.asc"])
        tarball = self.output / name
        self.assertEqual((self.output / "SHA256SUMS").read_text(),
                         f"{hashlib.sha256(tarball.read_bytes()).hexdigest()}  {name}\n")
        for file in (tarball, self.output / "SHA256SUMS"):
            told = run("gpg", "--batch", "--verify", f"{file}.asc", file, environment=self.gpg)
            self.assertIn("one@example.org", told.stderr)
            self.assertEqual(told.returncode, 0)
        with open(tarball, "r+b") as file:
            file.seek(1000)
            file.write(b"x")
        self.assertNotEqual(run("gpg", "--batch", "--verify", f"{tarball}.asc", tarball,
                                environment=self.gpg).returncode, 0)
        self.assertNotEqual(run("sha256sum", "--check", "SHA256SUMS", cwd=self.output).returncode, 0)

    def test_a_changed_tree_is_refused(self):
        (self.tree / "new.txt").write_text("")
        self.refused(r"the tree differs from its commit(?s:.*)new\.txt", "--snapshot")
        (self.tree / "new.txt").unlink()
        with open(self.tree / "README.md", "a", encoding="utf-8") as file:
            file.write("more\n")
        self.refused(r"the tree differs from its commit(?s:.*)README\.md", "--snapshot")

    def test_files_that_an_attribute_leaves_out_are_missed(self):
        (self.tree / ".git" / "info" / "attributes").write_text("SECURITY.md export-ignore\n")
        self.refused(r"not the commit's.*SECURITY\.md", "--snapshot")

    def test_versions_that_differ_are_refused(self):
        clean = must("git", "-C", self.tree, "rev-parse", "HEAD").strip()
        for name, old, new in (
            ("meson.build", f"version: '{self.version}'", "version: '7.8.9'"),
            ("include/tinymlp.h", "VERSION_PATCH 0", "VERSION_PATCH 77"),
            ("CHANGELOG.md", f"## {self.version}", "## 7.8.9"),
            ("tools/packages/debian/changelog", f"({self.version}-", "(7.8.9-"),
            ("tools/packages/vcpkg/tinymlp/vcpkg.json", f'"version": "{self.version}"', '"version": "7.8.9"'),
            ("pyproject.toml", 'dynamic = ["version"]', 'dynamic = []\nversion = "7.8.9"'),
            ("tools/web/package/package.json", '"version": "0.0.0"', '"version": "7.8.9"'),
        ):
            with self.subTest(name=name):
                commit(self.tree, (name, old, new))
                self.refused(rf"version differs(?s:.*){re.escape(name)}", "--snapshot")
                must("git", "-C", self.tree, "reset", "--quiet", "--hard", clean)
        for name, old, new in (("CMakeLists.txt", "SOVERSION 0", "SOVERSION 1"),
                               ("tools/library/meson.build", "soversion: '0'", "soversion: '1'"),
                               ("tools/packages/debian/control", "Package: libtinymlp0", "Package: libtinymlp1")):
            with self.subTest(name=name):
                commit(self.tree, (name, old, new))
                self.refused(rf"soversion differs(?s:.*){re.escape(name)}", "--snapshot")
                must("git", "-C", self.tree, "reset", "--quiet", "--hard", clean)

    def test_what_is_not_ready_is_refused(self):
        self.refused("a release is signed: --key")
        commit(self.tree, ("CHANGELOG.md", re.search(r"^## .*$", (self.tree / "CHANGELOG.md").read_text(), re.M)[0],
                           f"## {self.version}, not yet released"))
        self.refused("has no date of release", "--key", "one@example.org")
        self.prepare()
        must("git", "-C", self.tree, "tag", "--delete", f"v{self.version}")
        self.refused(f"no tag v{self.version}", "--key", "one@example.org")
        must("git", "-C", self.tree, "tag", f"v{self.version}", "HEAD^")
        self.refused(f"the tag v{self.version} is .* checked out", "--key", "one@example.org")
        must("git", "-C", self.tree, "tag", "--force", f"v{self.version}")
        self.refused("names 2 keys|names 0 keys", "--key", "example.org")
        self.refused("nobody@example.org", "--key", "nobody@example.org")


class Versions(unittest.TestCase):
    def test_all_places_of_this_tree_agree(self):
        done = release(ROOT, "--versions")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"^\d+\.\d+\.\d+, in ")


if not (ROOT / ".git").exists() or shutil.which("gpg") is None:
    Release = unittest.skip("needs a clone, and gpg")(Release)

if __name__ == "__main__":
    unittest.main(verbosity=2)
