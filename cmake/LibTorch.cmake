# quasar::torch: LibTorch and c10d over the unpacked `torch` wheel (cmake/setup.sh downloads it).
# The wheel's own CMake package insists on a CUDA toolkit, so it is not used. The wheel has the C++11 ABI, as we do.
set(QUASAR_LIBTORCH_DIR "" CACHE PATH "folder `torch` of an unpacked wheel; empty looks into the cache folder")

if(DEFINED ENV{QUASAR_CACHE})
  set(QUASAR_CACHE $ENV{QUASAR_CACHE})
elseif(DEFINED ENV{XDG_CACHE_HOME})
  set(QUASAR_CACHE $ENV{XDG_CACHE_HOME}/quasar)
else()
  set(QUASAR_CACHE $ENV{HOME}/.cache/quasar)
endif()

set(torch_dir ${QUASAR_CACHE}/libtorch-2.11.0/torch)
if(QUASAR_LIBTORCH_DIR)
  set(torch_dir ${QUASAR_LIBTORCH_DIR})
elseif(DEFINED ENV{QUASAR_LIBTORCH_DIR})
  set(torch_dir $ENV{QUASAR_LIBTORCH_DIR})
endif()
# The wheel is built with gloo but ships none of its headers.
find_path(QUASAR_GLOO_INCLUDE gloo/rendezvous/store.h)
mark_as_advanced(QUASAR_GLOO_INCLUDE)

set(torch_found "")
if(EXISTS ${torch_dir}/lib/libtorch_cpu.so AND QUASAR_GLOO_INCLUDE)
  set(torch_found ${torch_dir})
endif()
quasar_option(TORCH torch_found "LibTorch" "looked in ${torch_dir}; ./quickstart.sh fetches it, libgloo-dev is needed too")

if(QUASAR_HAVE_TORCH)
  add_library(quasar::torch SHARED IMPORTED)
  set_target_properties(quasar::torch PROPERTIES IMPORTED_LOCATION ${torch_dir}/lib/libtorch_cpu.so)
  target_include_directories(quasar::torch SYSTEM INTERFACE
    ${torch_dir}/include ${torch_dir}/include/torch/csrc/api/include ${QUASAR_GLOO_INCLUDE})
  target_compile_definitions(quasar::torch INTERFACE USE_C10D_GLOO)
  # libtorch_cpu.so finds the CUDA runtime through its own run path at start, where the linker does not look.
  target_link_libraries(quasar::torch INTERFACE ${torch_dir}/lib/libc10.so Threads::Threads)
  target_link_options(quasar::torch INTERFACE -Wl,--allow-shlib-undefined)
  set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON)  # the wheel stays where it is, also for an installed binary
endif()
