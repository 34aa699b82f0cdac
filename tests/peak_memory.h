#pragma once

#include <sys/resource.h>

#include <cstdint>

namespace quasar {

/// Of this process, in bytes. Says nothing under the address sanitizer, which keeps what is freed.
inline std::int64_t most_memory_so_far() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} << 10;
}

}  // namespace quasar
