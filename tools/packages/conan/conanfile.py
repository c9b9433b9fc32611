"""tinymlp for Conan 2, from the tree that this recipe lies in: conan create tools/packages/conan"""
import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load, rmdir

required_conan_version = ">=2.0"


class Tinymlp(ConanFile):
    name = "tinymlp"
    description = "Scores small multilayer perceptrons stored as ONNX: a C++20 header, and a C interface"
    license = "MIT"
    topics = ("onnx", "mlp", "inference", "vmaf")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "fPIC": [True, False]}
    default_options = {"shared": False, "fPIC": True}
    implements = ["auto_shared_fpic"]

    def _tree(self):
        return os.path.join(self.recipe_folder, "..", "..", "..")

    def set_version(self):
        header = load(self, os.path.join(self._tree(), "include", "tinymlp.h"))
        self.version = ".".join(re.search(rf"define TINYMLP_VERSION_{part} (\d+)", header)[1]
                                for part in ("MAJOR", "MINOR", "PATCH"))

    def export_sources(self):
        for pattern in ("LICENSE", "CMakeLists.txt", "include/tinymlp.h", "include/tinymlp.hpp",
                        "tools/library/tinymlp.cpp", "tools/packages/cmake/*"):
            copy(self, pattern, self._tree(), self.export_sources_folder)

    def layout(self):
        cmake_layout(self)

    def validate(self):
        if self.settings.get_safe("compiler.cppstd"):
            check_min_cppstd(self, 20)

    def generate(self):
        CMakeToolchain(self).generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        rmdir(self, os.path.join(self.package_folder, "lib", "cmake"))  # Conan writes its own

    def package_info(self):
        # The names of the CMake package and of the .pc files; neither means both parts together.
        self.cpp_info.set_property("cmake_target_name", "tinymlp::all")
        self.cpp_info.set_property("pkg_config_name", "tinymlp-all")
        header = self.cpp_info.components["header"]
        header.set_property("cmake_target_name", "tinymlp::tinymlp")
        header.set_property("pkg_config_name", "tinymlp")
        header.bindirs = header.libdirs = []
        c = self.cpp_info.components["c"]
        c.set_property("cmake_target_name", "tinymlp::c")
        c.set_property("pkg_config_name", "tinymlp-c")
        c.libs = ["tinymlp"]
