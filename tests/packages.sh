#!/usr/bin/env bash
# The ways in which build systems take the library: CMake's find_package, add_subdirectory and FetchContent, Meson's subproject and
# pkg-config, each with a static and a shared library somewhere. A program of a user is built by each, and runs.
. "$(dirname "$0")/checks.sh"
root=$PWD
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

built() { # DIRECTORY
  cmake --build "$1" --parallel "${JOBS:-1}"
}

installed() { # static|shared ON|OFF
  configure . "$scratch/$1" -DBUILD_SHARED_LIBS="$2" -DCMAKE_INSTALL_PREFIX="$scratch/prefix-$1" && built "$scratch/$1" &&
    cmake --install "$scratch/$1"
}

runsWith() { # NAME OPTION…
  configure "$user" "$scratch/user-$1" "${@:2}" && built "$scratch/user-$1" && "$scratch/user-$1/user"
}

findsPackage() { # static|shared
  userProject 'find_package(mema 0.1 REQUIRED)' >"$user/CMakeLists.txt"
  runsWith "find-$1" -DCMAKE_PREFIX_PATH="$scratch/prefix-$1"
}

refusesAnotherVersion() {
  userProject 'find_package(mema 0.2 REQUIRED)' >"$user/CMakeLists.txt"
  ! configure "$user" "$scratch/another" -DCMAKE_PREFIX_PATH="$scratch/prefix-static" >"$scratch/refusal" 2>&1 &&
    grep -q 'version' "$scratch/refusal"
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

# A project that only uses mema installs nothing of it.
keepsToItself() {
  cmake --install "$scratch/user-subdirectory" --prefix "$scratch/nothing" && [ ! -e "$scratch/nothing/include/mema.h" ]
}

hasTheExports() {
  diff <(nm -D --defined-only "$BUILD/libmema.so" | awk '{ print $3 }' | sort) \
    <(nm -D --defined-only "$1" | awk '{ print $3 }' | sort)
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
  CC=${CC:-gcc} meson setup "$scratch/meson-lib" . --buildtype=plain --prefix="$scratch/prefix-meson" --libdir=lib &&
    ninja -C "$scratch/meson-lib" install || return
  local flags
  flags=$(PKG_CONFIG_PATH=$scratch/prefix-meson/lib/pkgconfig pkg-config --cflags --libs mema) || return
  # shellcheck disable=SC2086 # flags are words
  "${CC:-gcc}" "$user/user.c" $flags -Wl,-rpath,"$scratch/prefix-meson/lib" -o "$scratch/meson-user" && "$scratch/meson-user"
}

portIsOfThisVersion() {
  grep -q "\"version\": \"$(sed -n 's/^#define MEMA_VERSION "\(.*\)"/\1/p' include/mema.h)\"" packaging/vcpkg/ports/mema/vcpkg.json &&
    python3 -c 'import json; json.load(open("packaging/vcpkg/ports/mema/vcpkg.json"))'
}

changelogIsOfThisVersion() {
  sed -n '1s/^mema (\(.*\)-[^-]*) .*/\1/p' debian/changelog | grep -qxF "$(sed -n 's/^#define MEMA_VERSION "\(.*\)"/\1/p' include/mema.h)"
}

# The functions of vcpkg that the port calls, as far as it depends on them. The install step takes what CMake installed above.
portFunctions() {
  cat <<END
function(vcpkg_cmake_configure)
  cmake_parse_arguments(GIVEN "" "SOURCE_PATH" "OPTIONS" \${ARGN})
  if(NOT EXISTS "\${GIVEN_SOURCE_PATH}/CMakeLists.txt")
    message(FATAL_ERROR "no CMakeLists.txt in \${GIVEN_SOURCE_PATH}")
  endif()
endfunction()
function(vcpkg_cmake_install)
  file(COPY "$scratch/prefix-static/" DESTINATION "\${CURRENT_PACKAGES_DIR}")
  file(COPY "$scratch/prefix-static/" DESTINATION "\${CURRENT_PACKAGES_DIR}/debug")
endfunction()
function(vcpkg_cmake_config_fixup)
  cmake_parse_arguments(GIVEN "" "CONFIG_PATH" "" \${ARGN})
  if(NOT IS_DIRECTORY "\${CURRENT_PACKAGES_DIR}/\${GIVEN_CONFIG_PATH}")
    message(FATAL_ERROR "no \${GIVEN_CONFIG_PATH}")
  endif()
endfunction()
function(vcpkg_install_copyright)
  cmake_parse_arguments(GIVEN "" "" "FILE_LIST" \${ARGN})
  file(COPY \${GIVEN_FILE_LIST} DESTINATION "\${CURRENT_PACKAGES_DIR}/share/mema")
endfunction()
END
}

portInstalls() {
  local packages=$scratch/vcpkg
  portFunctions >"$scratch/port.cmake"
  echo "include($root/packaging/vcpkg/ports/mema/portfile.cmake)" >>"$scratch/port.cmake"
  cmake -DCURRENT_PACKAGES_DIR="$packages" -P "$scratch/port.cmake" || return
  [ -e "$packages/share/mema/LICENSE" ] && [ ! -e "$packages/debug/include" ] && [ -e "$packages/debug/lib" ] || return
  userProject 'find_package(mema 0.1 REQUIRED)' >"$user/CMakeLists.txt"
  runsWith vcpkg -DCMAKE_PREFIX_PATH="$packages"
}

recipeParses() {
  python3 -c 'import ast; ast.parse(open("packaging/conan/conanfile.py").read())'
}

# ---- CMake
if command -v cmake >/dev/null; then
  need 'cmake builds and installs a static library' installed static OFF
  need 'cmake builds and installs a shared library' installed shared ON
  check 'find_package takes the static library' findsPackage static
  check 'find_package takes the shared library' findsPackage shared
  check 'find_package refuses another minor version' refusesAnotherVersion
  check 'the shared library exports the symbols of libmema.so' hasTheExports "$scratch/prefix-shared/lib/libmema.so"
  need 'add_subdirectory takes it' addsSubdirectory subdirectory OFF
  check 'a project that uses it as a subdirectory does not install it' keepsToItself
  check 'FetchContent takes it' fetchesContent content ON
  # WHOLE=1: both kinds of library in each way.
  [ -z "${WHOLE:-}" ] || check 'add_subdirectory takes it, shared' addsSubdirectory subdirectory-shared ON
  [ -z "${WHOLE:-}" ] || check 'FetchContent takes it, static' fetchesContent content-static OFF
  check "vcpkg's port installs what find_package finds" portInstalls
else
  skip 'cmake' 'it is not installed'
fi

# ---- Meson
if command -v meson >/dev/null && command -v ninja >/dev/null; then
  check 'meson takes it as a subproject' mesonSubproject
  check 'meson installs it, and pkg-config finds it' mesonInstalled
else
  skip 'meson' 'meson or ninja is not installed'
fi

# ---- ports
check "Debian's changelog has this version" changelogIsOfThisVersion
if command -v python3 >/dev/null; then
  check "vcpkg's port has this version" portIsOfThisVersion
  check "conan's recipe is Python" recipeParses
else
  skip 'ports' 'python3 is not installed'
fi
finish
