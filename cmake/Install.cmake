# `cmake --install` and find_package(quasar) for core, sde and toy_models: quasar::core and so on, as in this tree.
include(CMakePackageConfigHelpers)
set(package_dir lib/cmake/quasar)

foreach(name flags build_info core sde toy_models)
  set_target_properties(quasar_${name} PROPERTIES EXPORT_NAME ${name})
  install(TARGETS quasar_${name} EXPORT quasarTargets)
endforeach()
install(TARGETS quasar)
if(TARGET quasar-networks)
  install(TARGETS quasar-networks)
endif()
install(DIRECTORY core sde toy_models DESTINATION include/quasar
  FILES_MATCHING PATTERN "*.h" PATTERN "*.cuh")
install(EXPORT quasarTargets NAMESPACE quasar:: DESTINATION ${package_dir})

configure_package_config_file(cmake/quasarConfig.cmake.in ${PROJECT_BINARY_DIR}/quasarConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/quasarConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/quasarConfig.cmake ${PROJECT_BINARY_DIR}/quasarConfigVersion.cmake
  DESTINATION ${package_dir})
install(FILES LICENSE THIRD_PARTY_NOTICES.md DESTINATION share/doc/quasar)
