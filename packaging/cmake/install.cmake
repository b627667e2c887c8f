# CMake installs the files of `make install`, but one kind of library, and the files that find_package(mema) needs.
include(CMakePackageConfigHelpers)
set(packageDirectory ${CMAKE_INSTALL_LIBDIR}/cmake/mema)
install(TARGETS mema memaFixed EXPORT mema ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES include/mema.h include/mema.hpp include/mema_test.h include/mema_sites.h include/mema_current.h include/mema_host.h
              include/mema_lua.h include/mema_quickjs.h include/mema_sqlite.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT mema NAMESPACE mema:: FILE memaTargets.cmake DESTINATION ${packageDirectory})
configure_package_config_file(packaging/cmake/memaConfig.cmake.in memaConfig.cmake INSTALL_DESTINATION ${packageDirectory})
write_basic_package_version_file(memaConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/memaConfig.cmake ${PROJECT_BINARY_DIR}/memaConfigVersion.cmake DESTINATION ${packageDirectory})

# The prefix is known when mema is installed: cmake --install may name another than the build.
foreach(name mema mema-fixed)
  install(CODE "
    get_filename_component(PREFIX \"\${CMAKE_INSTALL_PREFIX}\" ABSOLUTE)
    get_filename_component(INCLUDEDIR \"${CMAKE_INSTALL_INCLUDEDIR}\" ABSOLUTE BASE_DIR \"\${PREFIX}\")
    get_filename_component(LIBDIR \"${CMAKE_INSTALL_LIBDIR}\" ABSOLUTE BASE_DIR \"\${PREFIX}\")
    set(VERSION ${PROJECT_VERSION})
    configure_file(\"${PROJECT_SOURCE_DIR}/packaging/${name}.pc.in\" \"${PROJECT_BINARY_DIR}/${name}.pc\" @ONLY)")
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()

# A page of each function leads to the page that describes it.
file(GLOB manuals docs/man/*.3)
file(STRINGS docs/man/links links)
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/man)
foreach(link ${links})
  string(REGEX REPLACE " .*" "" name "${link}")
  string(REGEX REPLACE ".* " "" page "${link}")
  execute_process(COMMAND ${CMAKE_COMMAND} -E create_symlink ${page} ${PROJECT_BINARY_DIR}/man/${name})
  list(APPEND manuals ${PROJECT_BINARY_DIR}/man/${name})
endforeach()
install(FILES ${manuals} DESTINATION ${CMAKE_INSTALL_MANDIR}/man3)

if(MEMA_PROGRAMS)
  install(TARGETS mema-program mema-preloaded mema-recording RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
          LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  file(GLOB manuals docs/man/*.1)
  install(FILES ${manuals} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  install(FILES packaging/completions/mema.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME mema)
  install(FILES packaging/completions/_mema DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
  install(FILES packaging/completions/mema.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()
