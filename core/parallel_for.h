#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace quasar {

/// Calls f(i) for every i below count, on this thread and `threads` - 1 others, which take blocks of indices as they get
/// free. Rethrows what an f has thrown; the rest of the blocks is then done all the same.
template <class F>
void parallel_for(std::size_t count, std::size_t block, int threads, const F& f) {
  std::atomic<std::size_t> next_block{0};
  std::mutex mutex;
  std::exception_ptr error;
  const auto work = [&] {
    try {
      for (std::size_t begin; (begin = block * next_block++) < count;)
        for (std::size_t i = begin; i < std::min(begin + block, count); ++i) f(i);
    } catch (...) {
      const std::lock_guard lock(mutex);
      error = std::current_exception();
    }
  };
  std::vector<std::jthread> helpers;
  for (int t = 1; t < threads; ++t) helpers.emplace_back(work);
  work();
  helpers.clear();
  if (error) std::rethrow_exception(error);
}

}  // namespace quasar
