# quasar_build_info implements core/build_info.h. The command runs at every build, and rewrites the file only when
# something changed, so that a commit made after configuring is seen and nothing is rebuilt in vain.
string(TOUPPER ${CMAKE_BUILD_TYPE} build_type)
list(JOIN host_flags " " flags)
list(JOIN sanitizer_flags " " more_flags)
string(STRIP "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${build_type}} ${flags} ${more_flags}" flags)
foreach(name TORCH CUDA NCCL)
  set(have_${name} false)
  if(QUASAR_HAVE_${name})
    set(have_${name} true)
  endif()
endforeach()
# Two steps: what is known now, then at each build the commit and the digest of the sources.
configure_file(${PROJECT_SOURCE_DIR}/cmake/build_info.cpp.in ${PROJECT_BINARY_DIR}/build_info.cpp.in @ONLY)

add_custom_target(quasar_write_build_info
  COMMAND ${CMAKE_COMMAND} -DSOURCE_DIR=${PROJECT_SOURCE_DIR} -DBINARY_DIR=${PROJECT_BINARY_DIR}
    -P ${PROJECT_SOURCE_DIR}/cmake/write_build_info.cmake
  BYPRODUCTS ${PROJECT_BINARY_DIR}/build_info.cpp
  COMMENT "Reading commit and digest of the sources" VERBATIM)
add_library(quasar_build_info STATIC ${PROJECT_BINARY_DIR}/build_info.cpp)
add_library(quasar::build_info ALIAS quasar_build_info)
add_dependencies(quasar_build_info quasar_write_build_info)
target_link_libraries(quasar_build_info PUBLIC quasar_flags)
