# quasar_flags: what all our own targets are compiled with, and nobody else's (third parties that use an installed quasar
# get the include folder and C++20 only).
add_library(quasar_flags INTERFACE)
target_compile_features(quasar_flags INTERFACE cxx_std_20)
target_include_directories(quasar_flags INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:include/quasar>)
set(CMAKE_CXX_EXTENSIONS OFF)

# Contraction would break bit-identity between scalar, AVX-512 and CUDA; where a fused multiply-add is wanted it is
# written out. Never -ffast-math: it reorders sums and drops nan checks.
set(host_flags -fno-math-errno -ffp-contract=off)
# g++ collects its own garbage less often: a twentieth less time for some 60 MB a file.
set(compiler_memory --param=ggc-min-expand=1000 --param=ggc-min-heapsize=1000000)
set(sanitizer_flags "")
set(warnings -Wall -Wextra -Wshadow)
# -Wfloat-conversion: a period such as (α/η)² must be truncated on purpose, never by the way.
set(cxx_warnings -Wpedantic -Wfloat-conversion -Wnon-virtual-dtor -Woverloaded-virtual -Wvla)  # g++ only: nvcc generates code
list(APPEND cxx_warnings -Wno-restrict)  # g++ 12 warns of its own std::string (GCC bug 105651)
if(QUASAR_WERROR)
  list(APPEND warnings -Werror)
endif()
if(QUASAR_SANITIZE)
  # Without the checks of every pointer for null (which faults anyway) and alignment: Eigen's templates then compile in a
  # third of the time.
  set(sanitizer_flags -fsanitize=${QUASAR_SANITIZE} -fno-sanitize=null,alignment -fno-sanitize-recover=all
      -fno-omit-frame-pointer)
  target_link_options(quasar_flags INTERFACE $<BUILD_INTERFACE:-fsanitize=${QUASAR_SANITIZE}>)
endif()
target_compile_options(quasar_flags INTERFACE
  "$<BUILD_INTERFACE:$<$<COMPILE_LANGUAGE:CXX>:${host_flags};${compiler_memory};${sanitizer_flags};${warnings};${cxx_warnings}>>")

if(QUASAR_HAVE_CUDA)
  list(JOIN host_flags "," nvcc_host_flags)
  list(JOIN warnings "," nvcc_warnings)
  target_compile_options(quasar_flags INTERFACE
    "$<BUILD_INTERFACE:$<$<COMPILE_LANGUAGE:CUDA>:--fmad=false;-Xcompiler=${nvcc_host_flags},${nvcc_warnings}>>")
endif()

# g++ 12's thread sanitizer cannot place its shadow memory under strong address randomisation.
if(QUASAR_SANITIZE MATCHES "thread")
  execute_process(COMMAND setarch -R true RESULT_VARIABLE fixed_addresses OUTPUT_QUIET ERROR_QUIET)
  if(fixed_addresses EQUAL 0)
    set(CMAKE_CROSSCOMPILING_EMULATOR setarch -R)  # CMake 3.25's only way to start every test through a command
  endif()
endif()
