#!/usr/bin/env bash
# The ways in which build systems take the library: CMake's find_package, add_subdirectory and FetchContent, Meson's subproject and
# pkg-config, each with a static and a shared library somewhere. A program of a user is built by each, and runs. CMake and Meson install
# the files of `make install`. vcpkg's port and Conan's recipe are played with stand-ins of these tools.
#
# With WHOLE=1 (make test-packages) CMake and Meson build everything. Else they build the library, and install programs of the Makefile.
. "$(dirname "$0")/checks.sh"
root=$PWD
version=$(sed -n 's/^#define MEMA_VERSION "\(.*\)"/\1/p' include/mema.h)
user=$scratch/user
mkdir -p "$user"
cat >"$user/user.c" <<'END'
#include <mema.h>
#include <string.h>

int main(void) {
  mema_Pool pool;
  if (strcmp(mema_version(), MEMA_VERSION) != 0 || !mema_initPool(&pool, 100)) return 1;
  return mema_palloc(&pool, 60) != NULL && mema_palloc(&pool, 60) == NULL && mema_freePool(&pool) ? 0 : 2;
}
END

# Prints a CMakeLists.txt whose program takes mema in the way of the given lines.
userProject() { # LINE…
  printf '%s\n' 'cmake_minimum_required(VERSION 3.14)' 'project(user C)' "$@" 'add_executable(user user.c)' \
    'target_link_libraries(user PRIVATE mema::mema)'
}

# Library and programs without optimization: what matters here is how they are put together.
configure() { # SOURCE BUILD OPTION…
  cmake -S "$1" -B "$2" -DCMAKE_C_COMPILER="${CC:-gcc}" -DCMAKE_BUILD_TYPE=None -DCMAKE_C_FLAGS=-O0 "${@:3}"
}

built() { # DIRECTORY OPTION…
  cmake --build "$1" --parallel "${JOBS:-1}" "${@:2}"
}

# The Makefile's products, in place of those that only WHOLE=1 compiles here.
lendProducts() { # DIRECTORY
  make -s BUILD="$BUILD" CC="$CC" freestanding >/dev/null && cp -t "$1" "$BUILD"/libmema-{preload,record}.so "$BUILD/libmema-fixed.a" "$BUILD/mema"
}

installed() { # static|shared ON|OFF
  configure . "$scratch/$1" -DBUILD_SHARED_LIBS="$2" -DCMAKE_INSTALL_PREFIX="$scratch/prefix-$1" &&
    if [ -n "${WHOLE:-}" ]; then built "$scratch/$1"; else built "$scratch/$1" --target mema && lendProducts "$scratch/$1"; fi &&
    cmake --install "$scratch/$1"
}

# The files and links below a directory, apart from those that only find_package reads.
filesOf() { # DIRECTORY
  find "$1" ! -type d ! -path '*/lib/cmake/mema/*' -printf '%P %y %l\n' | sort
}

# The files of `make install`, apart from a kind of library that was not built. Headers, pages and completions are equal.
installsWhatMakeDoes() { # PREFIX FILES: a pattern of the library that was not built
  [ -d "$scratch/make" ] || make -s BUILD="$BUILD" CC="$CC" DESTDIR="$scratch/make" install || return
  local made=$scratch/make/usr/local
  diff <(filesOf "$made" | grep -v "^lib/$2 ") <(filesOf "$1") && diff -r --no-dereference "$made/include" "$1/include" &&
    diff -r --no-dereference "$made/share" "$1/share"
}

# The sources of the library, of its fixed engine and of the program, by the variables of the Makefile.
sourcesOfMake() { # VARIABLE…
  make -s --eval="listed: ; @printf '%s\\n' $(printf '$(%s) ' "$@")" listed | sort
}

sourcesOfCmake() { # TARGET
  sed -n "s,^CMakeFiles/$1.dir/\(.*\)\.o: .*,\1,p" "$scratch/static/CMakeFiles/$1.dir/build.make" | sort -u
}

sourcesOfMeson() { # TARGET
  meson introspect --targets "$scratch/meson-lib" | python3 -c '
import json, os, sys
for target in json.load(sys.stdin):
    for part in target["target_sources"] if target["name"] == sys.argv[1] else []:
        for source in part.get("sources", []): print(os.path.relpath(source))' "$1" | sort
}

hasTheSources() { # FUNCTION LIBRARY FIXED PROGRAM
  diff <(sourcesOfMake coreSources) <("$1" "$2") && diff <(sourcesOfMake fixedSources) <("$1" "$3") &&
    diff <(sourcesOfMake cliSources lookSources) <("$1" "$4")
}

runsInstalled() { # PREFIX
  "$1/bin/mema" run --pool 8M -- true 2>"$scratch/said" && grep 'in a pool of 8.0 MiB' "$scratch/said" &&
    "$1/bin/mema" record -o "$scratch/trace" -- sort /etc/passwd >/dev/null && "$1/bin/mema" replay "$scratch/trace" | grep mema
}

runsWith() { # NAME OPTION…
  configure "$user" "$scratch/user-$1" "${@:2}" && built "$scratch/user-$1" && "$scratch/user-$1/user"
}

findsPackage() { # static|shared
  userProject 'find_package(mema 0.1 REQUIRED)' >"$user/CMakeLists.txt"
  runsWith "find-$1" -DCMAKE_PREFIX_PATH="$scratch/prefix-$1"
}

# Pools in a buffer, in a program without a C library.
findsFixed() {
  {
    userProject 'find_package(mema 0.1 REQUIRED)'
    echo "add_executable(alone $root/tests/freestanding/program.c)"
    echo 'target_compile_options(alone PRIVATE -ffreestanding -fno-stack-protector)'
    echo 'target_link_libraries(alone PRIVATE mema::fixed -nostdlib -static)'
  } >"$user/CMakeLists.txt"
  runsWith fixed -DCMAKE_PREFIX_PATH="$scratch/prefix-static" && "$scratch/user-fixed/alone"
}

refusesAnotherVersion() {
  userProject 'find_package(mema 0.2 REQUIRED)' >"$user/CMakeLists.txt"
  ! configure "$user" "$scratch/another" -DCMAKE_PREFIX_PATH="$scratch/prefix-static" >"$scratch/refusal" 2>&1 &&
    grep -q 'version' "$scratch/refusal"
}

# mema.pc names the prefix of `cmake --install`, not that of the build nor the directory of a staged installation.
tellsItsPlace() {
  DESTDIR=$scratch/stage cmake --install "$scratch/static" --prefix /opt/mema &&
    grep -x 'prefix=/opt/mema' "$scratch/stage/opt/mema/lib/pkgconfig/mema.pc" &&
    grep -x 'libdir=/opt/mema/lib' "$scratch/stage/opt/mema/lib/pkgconfig/mema-fixed.pc"
}

buildsByPkgConfig() { # PREFIX
  local flags
  flags=$(PKG_CONFIG_PATH=$1/lib/pkgconfig pkg-config --cflags --libs mema) || return
  # shellcheck disable=SC2086 # flags are words
  "${CC:-gcc}" "$user/user.c" $flags -Wl,-rpath,"$1/lib" -o "$scratch/by-pkg-config" && "$scratch/by-pkg-config"
}

addsSubdirectory() { # NAME ON|OFF
  userProject "add_subdirectory($root mema)" >"$user/CMakeLists.txt"
  runsWith "$1" -DBUILD_SHARED_LIBS="$2"
}

fetchesContent() { # NAME ON|OFF
  userProject 'include(FetchContent)' "FetchContent_Declare(mema SOURCE_DIR $root)" 'FetchContent_MakeAvailable(mema)' \
    >"$user/CMakeLists.txt"
  runsWith "$1" -DBUILD_SHARED_LIBS="$2"
}

# A project that only uses mema installs nothing of it, and builds no program of it.
keepsToItself() {
  cmake --install "$scratch/user-subdirectory" --prefix "$scratch/nothing" && [ ! -e "$scratch/nothing/include/mema.h" ] &&
    [ ! -e "$scratch/user-subdirectory/mema/mema" ] && [ ! -e "$scratch/user-subdirectory/mema/libmema-fixed.a" ]
}

hasTheExports() { # LIBRARY PREFIX
  diff <(nm -D --defined-only "$BUILD/$1" | awk '{ print $3 }' | sort) <(nm -D --defined-only "$2/lib/$1" | awk '{ print $3 }' | sort)
}

# As a wrap does, the subproject lies in the user's tree.
mesonSubproject() {
  mkdir -p "$scratch/meson/subprojects"
  cp "$user/user.c" "$scratch/meson/"
  ln -sfn "$root" "$scratch/meson/subprojects/mema"
  printf '%s\n' "project('user', 'c')" "executable('user', 'user.c', dependencies: dependency('mema', fallback: ['mema', 'mema_dep']))" \
    >"$scratch/meson/meson.build"
  CC=${CC:-gcc} meson setup "$scratch/meson-build" "$scratch/meson" --buildtype=plain -Dmema:buildtype=plain \
    -Dmema:default_library=static && ninja -C "$scratch/meson-build" && "$scratch/meson-build/user"
}

mesonInstalled() {
  local build=$scratch/meson-lib prefix=$scratch/prefix-meson
  CC=${CC:-gcc} meson setup "$build" . --buildtype=plain --prefix="$prefix" --libdir=lib || return
  if [ -n "${WHOLE:-}" ]; then
    ninja -C "$build" install
  else
    ninja -C "$build" "libmema.so.$version" && lendProducts "$build" && meson install -C "$build" --no-rebuild
  fi
}

# ---- ports ------------------------------------------------------------------------------------------------------------------

changelogIsOfThisVersion() {
  sed -n '1s/^mema (\(.*\)-[^-]*) .*/\1/p' debian/changelog | grep -qxF "$version"
}

# The keys, the names and the layout of vcpkg's own formatter.
manifestIsWellFormed() {
  python3 - "$version" <<'END'
import json, re, sys
text = open("packaging/vcpkg/ports/mema/vcpkg.json").read()
port = json.loads(text)
assert list(port) == ["name", "version", "description", "license", "supports", "dependencies"], list(port)
assert port["version"] == sys.argv[1], port["version"]
assert re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", port["name"])
assert all(set(entry) == {"name", "host"} and entry["host"] is True for entry in port["dependencies"])
assert text == json.dumps(port, indent=2) + "\n", "another layout"
END
}

# The functions of vcpkg that the port calls, as far as it depends on them. They build in the directory of the static library, whose
# objects exist.
portFunctions() {
  cat <<END
function(vcpkg_cmake_configure)
  cmake_parse_arguments(GIVEN "" "SOURCE_PATH" "OPTIONS" \${ARGN})
  execute_process(COMMAND cmake -S \${GIVEN_SOURCE_PATH} -B $scratch/static \${GIVEN_OPTIONS} COMMAND_ERROR_IS_FATAL ANY)
endfunction()
function(vcpkg_cmake_install)
  execute_process(COMMAND cmake --build $scratch/static COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND cmake --install $scratch/static --prefix \${CURRENT_PACKAGES_DIR} COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND cmake --install $scratch/static --prefix \${CURRENT_PACKAGES_DIR}/debug COMMAND_ERROR_IS_FATAL ANY)
endfunction()
function(vcpkg_cmake_config_fixup)
  cmake_parse_arguments(GIVEN "" "CONFIG_PATH" "" \${ARGN})
  if(NOT IS_DIRECTORY "\${CURRENT_PACKAGES_DIR}/\${GIVEN_CONFIG_PATH}")
    message(FATAL_ERROR "no \${GIVEN_CONFIG_PATH}")
  endif()
endfunction()
function(vcpkg_fixup_pkgconfig)
  file(READ "\${CURRENT_PACKAGES_DIR}/lib/pkgconfig/mema.pc" text)
endfunction()
function(vcpkg_install_copyright)
  cmake_parse_arguments(GIVEN "" "" "FILE_LIST" \${ARGN})
  configure_file(\${GIVEN_FILE_LIST} "\${CURRENT_PACKAGES_DIR}/share/mema/copyright" COPYONLY)
endfunction()
END
}

# vcpkg refuses a port that leaves programs, or headers and pages of the debug build.
portInstalls() {
  local packages=$scratch/vcpkg
  portFunctions >"$scratch/port.cmake"
  echo "include($root/packaging/vcpkg/ports/mema/portfile.cmake)" >>"$scratch/port.cmake"
  cmake -DCURRENT_PACKAGES_DIR="$packages" -P "$scratch/port.cmake" || return
  [ -s "$packages/share/mema/copyright" ] && [ -e "$packages/debug/lib/libmema.a" ] && [ ! -e "$packages/debug/include" ] &&
    [ ! -e "$packages/debug/share" ] && [ ! -e "$packages/bin" ] || return
  userProject 'find_package(mema 0.1 REQUIRED)' >"$user/CMakeLists.txt"
  runsWith vcpkg -DCMAKE_PREFIX_PATH="$packages"
}

# Each step of the recipe, from the files that it exports. Without WHOLE=1 the build ends behind the configuration.
recipeInstalls() {
  python3 tests/packages/playRecipe.py packaging/conan/conanfile.py "$scratch/conan" "$version" || return
  [ -n "${WHOLE:-}" ] || return 0
  userProject 'find_package(mema 0.1 REQUIRED)' >"$user/CMakeLists.txt"
  [ -s "$scratch/conan/package/licenses/LICENSE" ] && runsWith conan -DCMAKE_PREFIX_PATH="$scratch/conan/package"
}

# ---- CMake ------------------------------------------------------------------------------------------------------------------

if command -v cmake >/dev/null; then
  need 'cmake builds and installs a static library' installed static OFF
  need 'cmake builds and installs a shared library' installed shared ON
  check 'cmake installs the files of make install, with the static library' installsWhatMakeDoes "$scratch/prefix-static" 'libmema\.so.*'
  check 'cmake installs the files of make install, with the shared library' installsWhatMakeDoes "$scratch/prefix-shared" 'libmema\.a'
  check 'cmake builds from the sources of the Makefile' hasTheSources sourcesOfCmake memaObjects memaFixed mema-program
  check 'pkg-config finds the library that cmake installed' buildsByPkgConfig "$scratch/prefix-static"
  check 'find_package takes the static library' findsPackage static
  check 'find_package takes the shared library' findsPackage shared
  check 'find_package refuses another minor version' refusesAnotherVersion
  check 'the shared library exports the symbols of libmema.so' hasTheExports libmema.so "$scratch/prefix-shared"
  need 'add_subdirectory takes it' addsSubdirectory subdirectory OFF
  check 'a project that uses it as a subdirectory does not install it' keepsToItself
  check 'FetchContent takes it' fetchesContent content ON
  check 'mema.pc names the prefix of cmake --install' tellsItsPlace
  if [ -n "${WHOLE:-}" ]; then
    check 'mema of cmake runs programs' runsInstalled "$scratch/prefix-static"
    check 'libmema-preload.so of cmake exports the symbols of the Makefile' hasTheExports libmema-preload.so "$scratch/prefix-shared"
    check 'libmema-record.so of cmake exports the symbols of the Makefile' hasTheExports libmema-record.so "$scratch/prefix-shared"
    check 'pkg-config finds the shared library that cmake installed' buildsByPkgConfig "$scratch/prefix-shared"
    check 'add_subdirectory takes it, shared' addsSubdirectory subdirectory-shared ON
    check 'FetchContent takes it, static' fetchesContent content-static OFF
    case $(uname -m) in x86_64 | aarch64) check 'find_package takes the library without a C library' findsFixed ;; esac
  fi
  check "vcpkg's port installs what find_package finds" portInstalls
else
  skip 'cmake' 'it is not installed'
fi

# ---- Meson ------------------------------------------------------------------------------------------------------------------

if command -v meson >/dev/null && command -v ninja >/dev/null; then
  check 'meson takes it as a subproject' mesonSubproject
  need 'meson builds and installs it' mesonInstalled
  check 'meson builds from the sources of the Makefile' hasTheSources sourcesOfMeson mema-objects mema-fixed mema
  check 'pkg-config finds the library that meson installed' buildsByPkgConfig "$scratch/prefix-meson"
  check 'meson installs the files of make install' installsWhatMakeDoes "$scratch/prefix-meson" 'libmema\.a'
  if [ -n "${WHOLE:-}" ]; then
    check 'mema of meson runs programs' runsInstalled "$scratch/prefix-meson"
    for library in libmema libmema-preload libmema-record; do
      check "$library.so of meson exports the symbols of the Makefile" hasTheExports $library.so "$scratch/prefix-meson"
    done
  fi
else
  skip 'meson' 'meson or ninja is not installed'
fi

# ---- ports ------------------------------------------------------------------------------------------------------------------

check "Debian's changelog has this version" changelogIsOfThisVersion
if command -v python3 >/dev/null; then
  check "vcpkg's port has this version, and is well formed" manifestIsWellFormed
  if command -v cmake >/dev/null; then check "each step of Conan's recipe" recipeInstalls; fi
else
  skip 'ports' 'python3 is not installed'
fi
finish
