#!/usr/bin/env python3
"""Recipes of package managers: Conan's own tool makes its package, and runs a consumer; vcpkg's port is run by
vcpkg.cmake, which does what vcpkg does to a portfile."""
import os
import pathlib
import shutil
import tempfile
import unittest

from support import CONSUMER, FAST, ROOT, expected_score, must, run

RECIPES = ROOT / "tools" / "packages"
CONAN = os.environ.get("CONAN", "conan")


class Recipe(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)


@unittest.skipUnless(shutil.which("cmake") and shutil.which("ninja"), "no cmake or ninja here")
class Vcpkg(Recipe):
    def port(self, *options, folder=RECIPES / "vcpkg" / "tinymlp"):
        return run("cmake", f"-DPORT_DIR={folder}", f"-DPREFIX={self.folder / 'tinymlp_x64-linux'}", *options, "-DFLAGS=-O0",
                   "-P", ROOT / "tests" / "packages" / "vcpkg.cmake")

    def test_a_consumer_of_the_port(self):
        done = self.port("-DLINKAGE=static")
        self.assertEqual(done.returncode, 0, done.stderr)
        moved = self.folder / "moved"  # as vcpkg moves what it has built
        (self.folder / "tinymlp_x64-linux").rename(moved)
        build = self.folder / "consumer"
        must("cmake", "-S", CONSUMER, "-B", build, "-DFROM=package", f"-DCMAKE_PREFIX_PATH={moved}", **FAST)
        must("cmake", "--build", build)
        for program in ("player_cpp", "player_c"):
            self.assertEqual(must(build / program), expected_score(self.folder))

    def test_usage_names_the_targets(self):
        usage = (RECIPES / "vcpkg" / "tinymlp" / "usage").read_text()
        consumer = (CONSUMER / "CMakeLists.txt").read_text()
        for text in ("tinymlp::tinymlp)", "tinymlp::c)", "find_package(tinymlp "):
            self.assertIn(text, usage)
            self.assertIn(text, consumer)

    def test_what_vcpkg_refuses_is_refused(self):
        for old, new, reason in (
            ("-DTINYMLP_PACKAGE_DIR=", "-DTINYMLP_PACKAGE_FOLDER=", "does not know TINYMLP_PACKAGE_FOLDER"),
            ("vcpkg_cmake_configure(", "vcpkg_cmake_configure(\n  BUILD_TYPE release", "vcpkg_cmake_configure:"),
        ):
            with self.subTest(new=new):
                broken = self.folder / "tools" / "packages" / "vcpkg" / "tinymlp"
                shutil.copytree(RECIPES / "vcpkg" / "tinymlp", broken)
                portfile = (broken / "portfile.cmake").read_text()
                self.assertEqual(portfile.count(old), 1)
                (broken / "portfile.cmake").write_text(
                    portfile.replace(old, new).replace("${CURRENT_PORT_DIR}/../../../..", str(ROOT)))
                done = self.port("-DLINKAGE=static", folder=broken)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(reason, done.stderr)
                shutil.rmtree(broken)


@unittest.skipUnless(shutil.which(CONAN), "conan is not installed")
class Conan(Recipe):
    def test_create_and_its_consumer(self):
        home = {"CONAN_HOME": str(self.folder / "home"), **FAST}
        must(CONAN, "profile", "detect", **home)
        done = run(CONAN, "create", RECIPES / "conan", "-s", "compiler.cppstd=20", "-s", "build_type=Debug",
                   "-o", "tinymlp/*:shared=True",
                   "-c", f"tools.cmake.cmake_layout:test_folder={self.folder / 'consumer'}", environment=home)
        told = done.stdout + done.stderr
        self.assertEqual(done.returncode, 0, told)
        self.assertEqual(told.count(expected_score(self.folder)), 2, told)  # C++ and C


if __name__ == "__main__":
    unittest.main(verbosity=2)
