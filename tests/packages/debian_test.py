#!/usr/bin/env python3
"""The Debian packages, built from a release tarball: what is in them, lintian's word, and programs that are
compiled with them: unpacked into a folder and, in CI, installed."""
import os
import pathlib
import re
import shutil
import tempfile
import unittest

from support import CONSUMER, ROOT, clone, expected_score, must, run

# Faster to compile; neither changes a bit of any score. That libvmaf is there must not change what is packed.
BUILD = {"DEB_BUILD_OPTIONS": "nocheck noautodbgsym", "DEB_CXXFLAGS_APPEND": "-O1 -g0",
         "PKG_CONFIG_PATH": str(ROOT / "build" / "libvmaf" / "installed" / "lib" / "pkgconfig")}
PACKAGES = {
    "libtinymlp0": {"usr/lib/LIB/libtinymlp.so.0", "usr/lib/LIB/libtinymlp.so.VERSION"},
    "libtinymlp-dev": {
        "usr/include/tinymlp.h", "usr/include/tinymlp.hpp", "usr/lib/LIB/libtinymlp.a", "usr/lib/LIB/libtinymlp.so",
        "usr/lib/LIB/pkgconfig/tinymlp-c.pc", "usr/share/pkgconfig/tinymlp.pc",
        "usr/lib/LIB/cmake/tinymlp/tinymlp-config.cmake", "usr/lib/LIB/cmake/tinymlp/tinymlp-config-version.cmake"},
    "tinymlp": {
        "usr/bin/tinymlp", "usr/share/man/man1/tinymlp.1.gz", "usr/share/bash-completion/completions/tinymlp.bash",
        "usr/share/zsh/vendor-completions/_tinymlp", "usr/share/fish/vendor_completions.d/tinymlp.fish"},
}


class Debian(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        tree = clone(cls.folder / "tree")
        release = cls.folder / "release"
        must(tree / "tools" / "packages" / "release", "--snapshot", "--output", release)
        tarball = next(release.glob("*.tar.xz"))
        cls.version = re.search(r"tinymlp-(.*)\.tar", tarball.name)[1]
        cls.told = must(tree / "tools" / "packages" / "build_debian", tarball, cls.folder / "debian", **BUILD)
        cls.debs = {deb.name.split("_")[0]: deb for deb in (cls.folder / "debian").glob("*.deb")}
        cls.root = cls.folder / "root"
        for deb in cls.debs.values():
            must("dpkg-deb", "--extract", deb, cls.root)
        cls.lib = must("dpkg-architecture", "-qDEB_HOST_MULTIARCH").strip()
        cls.expected = expected_score(cls.folder)

    def test_lintian_has_no_errors_and_warnings(self):
        # the build would have failed
        self.assertNotRegex(self.told, re.compile(r"^[EWP]: ", re.MULTILINE))

    def test_each_package_has_its_files(self):
        self.assertEqual(set(self.debs), set(PACKAGES))
        for name, wanted in PACKAGES.items():
            listed = must("dpkg-deb", "--contents", self.debs[name]).splitlines()
            files = {line.split()[5].removeprefix("./") for line in listed if not line.startswith("d")}
            files = {file for file in files if not file.startswith(("usr/share/doc/", "usr/share/lintian/"))}
            self.assertEqual(files, {f.replace("LIB", self.lib).replace("VERSION", self.version) for f in wanted})

    def test_packages_ask_for_what_they_need(self):
        def depends(name):
            return must("dpkg-deb", "--field", self.debs[name], "Depends")
        self.assertIn(f"libtinymlp0 (= {self.version}-", depends("libtinymlp-dev"))
        self.assertRegex(depends("libtinymlp0"), r"^libc6 \([^,]*\)\n$")  # libc alone
        self.assertNotIn("libtinymlp0", depends("tinymlp"))  # the engine is compiled in
        for library in ("libfmt", "libsimdjson", "libexpat1", "libssl"):
            self.assertIn(library, depends("tinymlp"))

    def compile_all(self, name, flags, cmake, environment):
        """The consumers in C and C++, shared and static."""
        for source, compiler, package, how in (
            ("player.cpp", ["c++", "-std=c++20", "-O0"], "tinymlp", []),
            ("player.c", ["cc", "-std=c11"], "tinymlp-c", []),
            ("player.c", ["cc", "-std=c11", "-static"], "tinymlp-c", ["--static"]),
        ):
            found = must("pkg-config", "--cflags", "--libs", *how, package, **flags).split()
            program = self.folder / f"{name}_{source}"
            must(*compiler, CONSUMER / source, *found, "-o", program)
            self.assertEqual(must(program, **environment), self.expected)
        build = self.folder / f"{name}_cmake"
        must("cmake", "-S", CONSUMER, "-B", build, "-DFROM=package", *cmake, CXXFLAGS="-O0")
        must("cmake", "--build", build)
        for program in ("player_cpp", "player_c"):
            self.assertEqual(must(build / program, **environment), self.expected)

    def test_programs_that_use_the_unpacked_packages(self):
        usr = self.root / "usr"
        self.compile_all("unpacked", {
            "PKG_CONFIG_LIBDIR": f"{usr / 'lib' / self.lib / 'pkgconfig'}:{usr / 'share' / 'pkgconfig'}",
            "PKG_CONFIG_SYSROOT_DIR": str(self.root),
        }, [f"-DCMAKE_PREFIX_PATH={usr}"], {"LD_LIBRARY_PATH": str(usr / "lib" / self.lib)})

    def test_the_program_gives_the_signature(self):
        wanted = re.search(r"signature: `([0-9a-f]{16})`", (ROOT / "README.md").read_text("utf-8"))[1]
        self.assertIn(wanted, must(self.root / "usr" / "bin" / "tinymlp", "signature"))

    @unittest.skipUnless(os.environ.get("CI") and os.geteuid() == 0, "installs into the system: CI does, as root")
    def test_programs_that_use_the_installed_packages(self):
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        self.addCleanup(must, "apt-get", "purge", "-q", "-y", *PACKAGES, **quiet)
        must("apt-get", "install", "-q", "-y", "--no-install-recommends", *self.debs.values(), **quiet)
        self.compile_all("installed", {}, [], {})
        self.assertIn("/usr/bin/tinymlp", shutil.which("tinymlp"))
        self.assertEqual(run("tinymlp", "--version").returncode, 0)


if not (ROOT / ".git").exists() or any(shutil.which(t) is None for t in ("dpkg-buildpackage", "dh", "lintian")):
    Debian = unittest.skip("needs a clone, debhelper and lintian (tools/setup packages)")(Debian)

if __name__ == "__main__":
    unittest.main(verbosity=2)
