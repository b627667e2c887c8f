"""Plays the recipe of Conan with stand-ins of Conan's modules: playRecipe.py RECIPE DIRECTORY VERSION

It makes the steps of `conan create`: it exports the sources to DIRECTORY, builds there with CMake and packages. A recipe that asks for a
module or a function without a stand-in fails, and so does a build that needs a file which the recipe does not export. Without WHOLE=1 the
build ends behind CMake's configuration."""
import fnmatch
import importlib.util
import os
import shutil
import subprocess
import sys
import types

recipe, place, version = sys.argv[1:]
whole = os.environ.get("WHOLE")


class ConanFile:
    pass


# A pattern matches a whole path below the directory, with its slashes.
def copy(conanfile, pattern, src, dst):
    copied = 0
    for directory, _, names in os.walk(src):
        for name in names:
            path = os.path.relpath(os.path.join(directory, name), src)
            if fnmatch.fnmatch(path, pattern):
                target = os.path.join(dst, path)
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copyfile(os.path.join(src, path), target)
                copied += 1
    assert copied > 0, f"no file {pattern} in {src}"


def load(conanfile, path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def cmake_layout(conanfile):
    conanfile.build_folder = os.path.join(place, "build")


class CMakeToolchain:
    def __init__(self, conanfile):
        self.conanfile, self.cache_variables = conanfile, {}

    def generate(self):
        variables = dict(self.cache_variables, BUILD_SHARED_LIBS=self.conanfile.options.shared)
        self.conanfile.variables = [f"-D{name}={'ON' if value else 'OFF'}" for name, value in variables.items()]


class CMake:
    def __init__(self, conanfile):
        self.conanfile = conanfile

    def configure(self):
        subprocess.run(["cmake", "-S", self.conanfile.source_folder, "-B", self.conanfile.build_folder,
                        "-DCMAKE_BUILD_TYPE=None", "-DCMAKE_C_FLAGS=-O0", *self.conanfile.variables], check=True)

    def build(self):
        if whole:
            subprocess.run(["cmake", "--build", self.conanfile.build_folder], check=True)

    def install(self):
        if whole:
            subprocess.run(["cmake", "--install", self.conanfile.build_folder, "--prefix", self.conanfile.package_folder], check=True)


class Information:
    def __init__(self):
        self.properties = {}

    def set_property(self, name, value):
        self.properties[name] = value


def module(name, **members):
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(members)


module("conan", ConanFile=ConanFile)
module("conan.tools")
module("conan.tools.cmake", CMake=CMake, CMakeToolchain=CMakeToolchain, cmake_layout=cmake_layout)
module("conan.tools.files", copy=copy, load=load)
sys.dont_write_bytecode = True
spec = importlib.util.spec_from_file_location("conanfile", recipe)
conanfile = importlib.util.module_from_spec(spec)
spec.loader.exec_module(conanfile)

played = conanfile.MemaConan()
played.recipe_folder = os.path.dirname(os.path.abspath(recipe))
played.export_sources_folder = played.source_folder = os.path.join(place, "source")
played.package_folder = os.path.join(place, "package")
assert played.default_options.keys() == played.options.keys()
played.options = types.SimpleNamespace(**played.default_options)
played.cpp_info = Information()
played.set_version()
assert played.version == version, played.version
for step in ("export_sources", "layout", "generate", "build", "package", "package_info"):
    getattr(played, step)()
assert played.cpp_info.libs == ["mema"]
assert played.cpp_info.properties == {"cmake_file_name": "mema", "cmake_target_name": "mema::mema"}, played.cpp_info.properties
