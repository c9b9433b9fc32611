"""Builds and runs tests/packages/consumer with the package."""
import os

from conan import ConanFile
from conan.tools.build import can_run
from conan.tools.cmake import CMake, cmake_layout


class Consumer(ConanFile):
    settings = "os", "arch", "compiler", "build_type"
    generators = "CMakeDeps", "CMakeToolchain"
    test_type = "explicit"

    def requirements(self):
        self.requires(self.tested_reference_str)

    def layout(self):
        cmake_layout(self)

    def build(self):
        cmake = CMake(self)
        cmake.configure(variables={"FROM": "package"},
                        build_script_folder=os.path.join("..", "..", "..", "..", "tests", "packages", "consumer"))
        cmake.build()

    def test(self):
        if can_run(self):
            for name in ("player_cpp", "player_c"):
                self.run(os.path.join(self.cpp.build.bindir, name), env="conanrun")
