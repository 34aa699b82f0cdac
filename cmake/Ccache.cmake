# A second build of unchanged files takes seconds; without ccache nothing changes.
find_program(QUASAR_CCACHE ccache)
mark_as_advanced(QUASAR_CCACHE)
if(QUASAR_CCACHE)
  foreach(language CXX CUDA)
    if(NOT DEFINED CMAKE_${language}_COMPILER_LAUNCHER)
      # The settings that a precompiled header needs; ours hold no __TIME__.
      set(CMAKE_${language}_COMPILER_LAUNCHER
        ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${QUASAR_CCACHE})
    endif()
  endforeach()
endif()
