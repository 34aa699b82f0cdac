# What every build needs; all of it is in Debian. A macro, since find_package's results belong to the caller.
macro(quasar_require package apt_package)
  find_package(${package} ${ARGN} QUIET)
  if(NOT ${package}_FOUND)
    message(FATAL_ERROR "${package} is missing (apt-get install ${apt_package})")
  endif()
endmacro()

quasar_require(Eigen3 libeigen3-dev 3.4)
quasar_require(Boost libboost-dev 1.74)
quasar_require(tomlplusplus libtomlplusplus-dev)
quasar_require(CLI11 libcli11-dev)
quasar_require(nlohmann_json nlohmann-json3-dev 3.11)
quasar_require(OpenSSL libssl-dev 3.0)  # SHA-256 of checkpoints
quasar_require(Threads libc6-dev)
if(QUASAR_TESTS)
  quasar_require(GTest "libgtest-dev libgmock-dev")
endif()
