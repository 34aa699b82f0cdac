# Run by cmake -P at every build: fills commit, dirty and code_id into build_info.cpp.
cmake_minimum_required(VERSION 3.25)

set(digests "")
foreach(folder core sde toy_models distributed experiments)
  file(GLOB_RECURSE sources LIST_DIRECTORIES false RELATIVE ${SOURCE_DIR}
    ${SOURCE_DIR}/${folder}/*.h ${SOURCE_DIR}/${folder}/*.cpp ${SOURCE_DIR}/${folder}/*.cu
    ${SOURCE_DIR}/${folder}/*.cuh ${SOURCE_DIR}/${folder}/*.py)
  list(SORT sources COMPARE STRING)
  foreach(source IN LISTS sources)
    file(SHA256 ${SOURCE_DIR}/${source} digest)
    string(APPEND digests "${digest}  ${source}\n")
  endforeach()
endforeach()
string(SHA256 code_id "${digests}")
string(SUBSTRING ${code_id} 0 16 code_id)

set(commit unknown)
set(dirty false)
# Only our own repository: an unpacked archive may lie inside somebody else's.
if(EXISTS ${SOURCE_DIR}/.git)
  execute_process(COMMAND git -C ${SOURCE_DIR} rev-parse HEAD
    OUTPUT_VARIABLE head RESULT_VARIABLE status OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(status EQUAL 0)
    set(commit ${head})
    execute_process(COMMAND git -C ${SOURCE_DIR} status --porcelain --untracked-files=no
      OUTPUT_VARIABLE changes ERROR_QUIET)
    if(NOT changes STREQUAL "")
      set(dirty true)
    endif()
  endif()
endif()

configure_file(${BINARY_DIR}/build_info.cpp.in ${BINARY_DIR}/build_info.cpp)
