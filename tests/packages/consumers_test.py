#!/usr/bin/env python3
"""Small programs outside the tree that use tinymlp in each way that it can be had:
consumers_test.py BUILD_FOLDER [CROSS_FILE]

Installed from that build: by pkg-config, Meson and CMake, shared and static; not installed: Meson's
subproject, CMake's add_subdirectory and FetchContent. Each prints the same score, in C and in C++. With
Meson's cross file all are compiled for that machine and run by its exe_wrapper."""
import ast
import configparser
import pathlib
import re
import shutil
import sys
import tempfile
import unittest

from support import CONSUMER, ROOT, expected_score, must

BUILD = CROSS = None


needs_cmake = unittest.skipUnless(shutil.which("cmake"), "no cmake here")


class Machine:
    """Compilers, what runs their programs, and what Meson and CMake are told of them."""

    def __init__(self, cross_file, folder):
        self.cc, self.cxx, self.readelf, self.wrapper, self.meson, self.cmake = "cc", "c++", "readelf", [], [], []
        if cross_file is None:
            return
        cross = configparser.ConfigParser()
        cross.read(cross_file)
        said = {key: ast.literal_eval(value) for key, value in
                [*cross["binaries"].items(), *cross["host_machine"].items()]}
        self.cxx, self.wrapper = said["cpp"], said["exe_wrapper"]
        self.cc, self.readelf = (self.cxx.removesuffix("g++") + tool for tool in ("gcc", "readelf"))
        more = folder / "more.ini"  # what consumers have and tinymlp has not: C, and packages to find
        more.write_text(f"[binaries]\nc = '{self.cc}'\npkgconfig = 'pkg-config'\npkg-config = 'pkg-config'\n"
                        f"[properties]\nsys_root = '{folder / 'moved'}'\n")
        self.meson = ["--cross-file", cross_file, "--cross-file", more]
        self.cmake = ["-DCMAKE_SYSTEM_NAME=Linux", f"-DCMAKE_SYSTEM_PROCESSOR={said['cpu']}",
                      f"-DCMAKE_C_COMPILER={self.cc}", f"-DCMAKE_CXX_COMPILER={self.cxx}"]


class Consumers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.machine = Machine(CROSS, cls.folder)
        must("meson", "install", "-C", BUILD, "--no-rebuild", "--skip-subprojects", DESTDIR=cls.folder / "moved")
        cls.prefix = next((cls.folder / "moved").rglob("include")).parent
        cls.libdir = next(cls.prefix.rglob("libtinymlp.a")).parent
        cls.pkg_config = {
            "PKG_CONFIG_PATH": f"{cls.libdir / 'pkgconfig'}:{cls.prefix / 'share' / 'pkgconfig'}",
            "PKG_CONFIG_SYSROOT_DIR": str(cls.folder / "moved"),
        }
        cls.run_path = {"LD_LIBRARY_PATH": str(cls.libdir)}
        cls.expected = expected_score(cls.folder)

    def check(self, program):
        self.assertEqual(must(*self.machine.wrapper, program, **self.run_path), self.expected)
        self.assertTrue(0 < float(self.expected) < 100)

    def flags(self, *arguments):
        return must("pkg-config", *arguments, **self.pkg_config).split()

    def test_pkg_config(self):
        for source, compiler, package, how in (
            ("player.cpp", [self.machine.cxx, "-std=c++20", "-O1"], "tinymlp", []),
            ("player.cpp", [self.machine.cxx, "-std=c++20", "-O1", "-static"], "tinymlp", ["--static"]),
            ("player.c", [self.machine.cc, "-std=c11"], "tinymlp-c", []),
            ("player.c", [self.machine.cc, "-std=c11", "-static"], "tinymlp-c", ["--static"]),
        ):
            with self.subTest(source=source, how=how):
                to = self.folder / "by_pkg_config"
                must(*compiler, CONSUMER / source, *self.flags("--cflags", "--libs", *how, package), "-o", to)
                self.check(to)
        version = must("pkg-config", "--modversion", "tinymlp", "tinymlp-c", **self.pkg_config).split()
        self.assertEqual(len(set(version)), 1)

    def meson(self, name, source):
        to = self.folder / name
        path = self.pkg_config["PKG_CONFIG_PATH"].replace(":", ",")
        must("meson", "setup", to, source, *self.machine.meson, f"-Dpkg_config_path={path}", **self.pkg_config)
        must("ninja", "-C", to)
        return to

    def test_meson(self):
        to = self.meson("by_meson", CONSUMER)
        self.check(to / "player_cpp")
        self.check(to / "player_c")

    def test_meson_subproject(self):
        source = self.folder / "subproject"
        (source / "subprojects").mkdir(parents=True)
        (source / "subprojects" / "tinymlp").symlink_to(ROOT)
        shutil.copy(CONSUMER / "player.cpp", source)
        (source / "meson.build").write_text(
            "project('player', 'cpp', default_options: 'cpp_std=c++20')\n"
            "executable('player_cpp', 'player.cpp', dependencies: dependency('tinymlp', fallback: 'tinymlp',"
            " version: '>=0.1'))\n")
        to = self.folder / "by_subproject"
        must("meson", "setup", to, source, *self.machine.meson, "--force-fallback-for=tinymlp")
        must("ninja", "-C", to)
        self.check(to / "player_cpp")
        self.assertEqual([p.name for p in to.rglob("*tinymlp*.[as]*")], [])  # the header alone

    def cmake(self, name, *options):
        to = self.folder / name
        must("cmake", "-S", CONSUMER, "-B", to, "-DCMAKE_BUILD_TYPE=Debug", *self.machine.cmake,
             *options)
        must("cmake", "--build", to)
        return to

    @needs_cmake
    def test_cmake_package(self):
        for how in ([], ["-DBUILD_SHARED_LIBS=OFF"]):
            with self.subTest(how=how):
                to = self.cmake(f"cmake_package{len(how)}", "-DFROM=package", f"-DCMAKE_PREFIX_PATH={self.prefix}", *how)
                self.check(to / "player_cpp")
                self.check(to / "player_c")
                needed = must(self.machine.readelf, "-d", to / "player_c")
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

    def include_folder(self, name, *options):
        """Of tinymlp::tinymlp, where find_package() says that it is."""
        project = self.folder / name
        project.mkdir()
        (project / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.21)\nproject(asks LANGUAGES CXX)\nfind_package(tinymlp REQUIRED)\n"
            "get_target_property(folder tinymlp::tinymlp INTERFACE_INCLUDE_DIRECTORIES)\nmessage(STATUS \"in ${folder};\")\n")
        out = must("cmake", "-S", project, "-B", project / "build", *self.machine.cmake, *options)
        folder = pathlib.Path(re.search(r"-- in ([^;]+);\n", out)[1])
        self.assertTrue((folder / "tinymlp.hpp").exists(), folder)
        return folder

    @needs_cmake
    def test_cmake_package_that_is_found_through_a_link(self):
        root = self.folder / "linked"
        (root / "usr").mkdir(parents=True)
        libdir = self.libdir.relative_to(self.prefix)
        for part in ("include", libdir):
            shutil.copytree(self.prefix / part, root / "usr" / part, symlinks=True)
        (root / libdir.parts[0]).symlink_to(pathlib.Path("usr") / libdir.parts[0])
        self.include_folder("asks_link", f"-Dtinymlp_DIR={root / libdir / 'cmake' / 'tinymlp'}")

    @needs_cmake
    def test_folders_that_are_absolute(self):
        to = self.folder / "absolute"
        folders = {name: to / name / name for name in ("prefix", "lib", "include")}
        must("cmake", "-S", ROOT, "-B", to / "by_cmake", "-DTINYMLP_C_LIBRARY=OFF", f"-DCMAKE_INSTALL_PREFIX={folders['prefix']}",
             f"-DCMAKE_INSTALL_LIBDIR={folders['lib']}", f"-DCMAKE_INSTALL_INCLUDEDIR={folders['include']}", *self.machine.cmake)
        must("cmake", "--install", to / "by_cmake")
        self.assertEqual(self.include_folder("asks_cmake", f"-Dtinymlp_DIR={folders['lib'] / 'cmake' / 'tinymlp'}"),
                         folders["include"])
        for folder in folders.values():
            shutil.rmtree(folder, ignore_errors=True)
        must("meson", "setup", to / "by_meson", ROOT, "--prefix", folders["prefix"], "--libdir", folders["lib"], "--includedir",
             folders["include"], *(f"-D{part}=disabled" for part in ("library", "tools", "tests", "benches")))
        must("meson", "install", "-C", to / "by_meson")
        self.assertEqual(self.include_folder("asks_meson", f"-Dtinymlp_DIR={folders['lib'] / 'cmake' / 'tinymlp'}"),
                         folders["include"])

    @needs_cmake
    def test_cmake_project_that_exports_what_it_uses(self):
        source = self.folder / "exports"
        source.mkdir()
        (source / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.21)\nproject(exports LANGUAGES CXX)\nset(TINYMLP_C_LIBRARY OFF)\n"
            f"add_subdirectory({ROOT} tinymlp)\nadd_library(uses INTERFACE)\n"
            "target_link_libraries(uses INTERFACE tinymlp::tinymlp)\n"
            "install(TARGETS uses tinymlp EXPORT exports)\ninstall(EXPORT exports DESTINATION lib/cmake/exports)\n")
        must("cmake", "-S", source, "-B", source / "build", *self.machine.cmake)

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
            player = self.prefix / re.sub(r"_?tinymlp", r"\g<0>-player", name)
            self.assertEqual(player.exists(), (BUILD / "tools" / "player" / "tinymlp-player").exists(), player.name)


if __name__ == "__main__":
    if sys.argv[-1].endswith(".ini"):
        CROSS = pathlib.Path(sys.argv.pop()).resolve()
    BUILD = pathlib.Path(sys.argv.pop()).resolve()
    unittest.main(verbosity=2)
