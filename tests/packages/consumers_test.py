#!/usr/bin/env python3
"""Small programs outside the tree that use tinymlp in each way that it can be had:
consumers_test.py BUILD_FOLDER

Installed from that build: by pkg-config, Meson and CMake, shared and static; not installed: CMake's
add_subdirectory and FetchContent. Each prints the same score, in C and in C++."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONSUMER = pathlib.Path(__file__).resolve().parent / "consumer"
BUILD = None


needs_cmake = unittest.skipUnless(shutil.which("cmake"), "no cmake here")


def must(*command, **environment):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False,
                          env={**os.environ, **environment})
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}")
    return done.stdout


class Consumers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        must("meson", "install", "-C", BUILD, "--no-rebuild", "--skip-subprojects", DESTDIR=cls.folder / "moved")
        cls.prefix = next((cls.folder / "moved").rglob("include")).parent
        cls.libdir = next(cls.prefix.rglob("libtinymlp.a")).parent
        cls.pkg_config = {
            "PKG_CONFIG_PATH": f"{cls.libdir / 'pkgconfig'}:{cls.prefix / 'share' / 'pkgconfig'}",
            "PKG_CONFIG_SYSROOT_DIR": str(cls.folder / "moved"),
        }
        cls.run_path = {"LD_LIBRARY_PATH": str(cls.libdir)}
        cls.expected = cls.score_of_cpp(cls)

    def score_of_cpp(self):
        to = self.folder / "expected"
        must("c++", "-std=c++20", "-O1", f"-I{ROOT / 'include'}", CONSUMER / "player.cpp", "-o", to)
        return must(to)

    def check(self, program):
        self.assertEqual(must(program, **self.run_path), self.expected)
        self.assertTrue(0 < float(self.expected) < 100)

    def flags(self, *arguments):
        return must("pkg-config", *arguments, **self.pkg_config).split()

    def test_pkg_config(self):
        for source, compiler, package, how in (
            ("player.cpp", ["c++", "-std=c++20", "-O1"], "tinymlp", []),
            ("player.c", ["cc", "-std=c11"], "tinymlp-c", []),
            ("player.c", ["cc", "-std=c11", "-static"], "tinymlp-c", ["--static"]),
        ):
            with self.subTest(source=source, how=how):
                to = self.folder / "by_pkg_config"
                must(*compiler, CONSUMER / source, *self.flags("--cflags", "--libs", *how, package), "-o", to)
                self.check(to)
        version = must("pkg-config", "--modversion", "tinymlp", "tinymlp-c", **self.pkg_config).split()
        self.assertEqual(len(set(version)), 1)

    def test_meson(self):
        to = self.folder / "by_meson"
        must("meson", "setup", to, CONSUMER, **self.pkg_config)
        must("ninja", "-C", to)
        self.check(to / "player_cpp")
        self.check(to / "player_c")

    def cmake(self, name, *options):
        to = self.folder / name
        must("cmake", "-S", CONSUMER, "-B", to, "-DCMAKE_BUILD_TYPE=Debug", *options)
        must("cmake", "--build", to)
        return to

    @needs_cmake
    def test_cmake_package(self):
        for how in ([], ["-DBUILD_SHARED_LIBS=OFF"]):
            with self.subTest(how=how):
                to = self.cmake(f"cmake_package{len(how)}", "-DFROM=package", f"-DCMAKE_PREFIX_PATH={self.prefix}", *how)
                self.check(to / "player_cpp")
                self.check(to / "player_c")
                needed = must("readelf", "-d", to / "player_c")
                self.assertEqual("libtinymlp" in needed, not how)

    @needs_cmake
    def test_cmake_package_of_another_version(self):
        for wanted, found in (("0.1", True), ("0.2", False), ("1", False), ("0.1.0", True)):
            with self.subTest(wanted=wanted):
                project = self.folder / "asks"
                project.mkdir()
                (project / "CMakeLists.txt").write_text(
                    "cmake_minimum_required(VERSION 3.21)\nproject(asks LANGUAGES C)\n"
                    f"find_package(tinymlp {wanted} QUIET)\nmessage(STATUS \"found ${{tinymlp_FOUND}}\")\n")
                out = must("cmake", "-S", project, "-B", project / "build", f"-DCMAKE_PREFIX_PATH={self.prefix}")
                self.assertIn(f"found {1 if found else 0}", out)
                shutil.rmtree(project)

    @needs_cmake
    def test_cmake_folder(self):
        to = self.cmake("cmake_folder", "-DFROM=folder", f"-DSOURCE={ROOT}")
        self.check(to / "player_cpp")
        self.check(to / "player_c")

    @needs_cmake
    def test_cmake_fetched_header_alone(self):
        to = self.cmake("cmake_fetched", "-DFROM=fetched", f"-DSOURCE={ROOT}", "-DTINYMLP_C_LIBRARY=OFF")
        self.check(to / "player_cpp")
        self.assertFalse((to / "player_c").exists())

    def test_what_a_shell_and_man_look_for(self):
        if not (BUILD / "tools" / "tinymlp").exists():
            self.skipTest("the program is not built")
        for name in ("bin/tinymlp", "share/man/man1/tinymlp.1", "share/bash-completion/completions/tinymlp.bash",
                     "share/zsh/site-functions/_tinymlp", "share/fish/vendor_completions.d/tinymlp.fish"):
            self.assertGreater((self.prefix / name).stat().st_size, 1000, name)

    def test_versions_agree(self):
        header = (ROOT / "include" / "tinymlp.h").read_text()
        of_header = ".".join(re.search(rf"define TINYMLP_VERSION_{part} (\d+)", header)[1]
                             for part in ("MAJOR", "MINOR", "PATCH"))
        of_meson = re.search(r"version: '([\d.]+)'", (ROOT / "meson.build").read_text())[1]
        self.assertEqual(of_header, of_meson)


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop()).resolve()
    unittest.main(verbosity=2)
