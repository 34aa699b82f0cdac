#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace quasar {

/// Calls f(i), or f(thread, i), for every i below count, on this thread (0) and `threads` - 1 others, which take blocks of
/// indices as they get free. What an f throws ends all, each at its next index, and is thrown here once no other thread is
/// left.
template <class F>
void parallel_for(std::size_t count, std::size_t block, int threads, const F& f) {
  std::atomic<std::size_t> next_block{0};
  std::atomic<bool> failed{false};
  std::mutex mutex;
  std::exception_ptr error;
  const auto work = [&](std::size_t thread) {
    try {
      for (std::size_t begin; !failed && (begin = block * next_block++) < count;)
        for (std::size_t i = begin; !failed && i < std::min(begin + block, count); ++i)
          if constexpr (std::is_invocable_v<F, std::size_t, std::size_t>)
            f(thread, i);
          else
            f(i);
    } catch (...) {
      const std::lock_guard lock(mutex);
      error = std::current_exception();
      failed = true;
    }
  };
  std::vector<std::jthread> helpers;
  const std::size_t blocks = (count + block - 1) / block;
  for (std::size_t t = 1; t < static_cast<std::size_t>(threads) && t < blocks; ++t) helpers.emplace_back(work, t);
  work(0);
  helpers.clear();
  if (error) std::rethrow_exception(error);
}

}  // namespace quasar
