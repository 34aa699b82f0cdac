# Our own kernels. The CUDA runtime is linked statically, so the binary starts on any machine; libraries with kernels in
# them name CUDA::cudart_static, for users without the CUDA language.
# /usr/local/cuda is where NVIDIA's installer puts the toolkit, often without adding it to PATH.
find_program(QUASAR_NVCC nvcc HINTS ENV CUDA_HOME ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES bin)
mark_as_advanced(QUASAR_NVCC)
# A100 and H100/H200, and PTX for what came after; CMake 3.25's default is too old for nvcc 13.
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 80-real 90-real 90-virtual)
endif()

# An nvcc too old for C++20 or for this g++ (Debian's own is both) must not stop a build that can do without.
set(cuda_how "install the CUDA toolkit, 12 or later, and put nvcc on PATH")
if(QUASAR_NVCC AND NOT QUASAR_CUDA STREQUAL "OFF" AND NOT QUASAR_NVCC_WORKS)
  file(WRITE ${PROJECT_BINARY_DIR}/nvcc_works.cu "#include <concepts>\ntemplate <std::integral T> __global__ void f(T) {}\n")
  execute_process(COMMAND ${QUASAR_NVCC} -std=c++20 -arch=sm_90 -c nvcc_works.cu -o nvcc_works.o
    WORKING_DIRECTORY ${PROJECT_BINARY_DIR} RESULT_VARIABLE nvcc_status OUTPUT_VARIABLE nvcc_says ERROR_VARIABLE nvcc_says)
  if(nvcc_status EQUAL 0)
    set(QUASAR_NVCC_WORKS ${QUASAR_NVCC} CACHE INTERNAL "")
  else()
    string(REGEX MATCH "[^\n]+" nvcc_says "${nvcc_says}")
    set(cuda_how "${QUASAR_NVCC} does not compile C++20 for sm_90: ${nvcc_says}")
  endif()
endif()
quasar_option(CUDA QUASAR_NVCC_WORKS "CUDA" "${cuda_how}")

if(QUASAR_HAVE_CUDA)
  if(NOT CMAKE_CUDA_COMPILER)
    set(CMAKE_CUDA_COMPILER ${QUASAR_NVCC})
  endif()
  enable_language(CUDA)
  # CMake 3.25 does not know that nvcc has C++20.
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
  set(CMAKE_CUDA_STANDARD 20)
  set(CMAKE_CUDA_STANDARD_REQUIRED ON)
  find_package(CUDAToolkit REQUIRED)
endif()
