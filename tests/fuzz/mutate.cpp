// A small deterministic fuzzer: `fuzz_x [INPUTS] [SEED]` mutates the target's seeds and parses what comes out. The same
// numbers give the same inputs, so that a crash can be repeated under a debugger.

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "core/errors.h"
#include "tests/fuzz/fuzz.h"

namespace quasar::fuzz {
namespace {

constexpr std::size_t kLongest = 1 << 16;

class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed), seeds_(seeds()) {}

  std::string next() {
    std::string input = one_of(seeds_);
    for (std::size_t changes = below(6); changes > 0; --changes) change(input);
    return input.substr(0, kLongest);
  }

 private:
  std::size_t below(std::size_t bound) { return random_() % bound; }
  const std::string& one_of(const std::vector<std::string>& list) { return list[below(list.size())]; }

  void change(std::string& input) {
    static const std::vector<std::string> awkward = {"0",
                                                     "-1",
                                                     "4294967296",
                                                     "18446744073709551615",
                                                     "9223372036854775808",
                                                     "1e400",
                                                     "nan",
                                                     "\"",
                                                     "\\u0000",
                                                     "[",
                                                     "{",
                                                     "]",
                                                     "}",
                                                     ",",
                                                     "\n",
                                                     "=",
                                                     ".",
                                                     std::string(1, '\0'),
                                                     "\xff",
                                                     "\xc3",
                                                     "\xff\xff\xff\xff",
                                                     std::string(8, '\0')};
    const std::size_t at = below(input.size() + 1), length = below(9);
    switch (below(7)) {
      case 0:
        if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << below(8)));
        break;
      case 1:
        if (at < input.size()) input[at] = static_cast<char>(below(256));
        break;
      case 2:
        input.erase(at, length);
        break;
      case 3:
        input.insert(at, one_of(awkward));
        break;
      case 4:
        input.resize(at);
        break;
      case 5:
        input.insert(at, input.substr(below(input.size() + 1), 1 + 4 * length));
        break;
      default: {
        const std::string& other = one_of(seeds_);
        input = input.substr(0, at) + other.substr(below(other.size() + 1));
      }
    }
  }

  std::mt19937_64 random_;
  std::vector<std::string> seeds_;
};

/// A declared size must be compared with the input before memory is taken for it.
void limit_memory() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  const rlimit limit{1u << 30, 1u << 30};
  setrlimit(RLIMIT_AS, &limit);
#endif
}

int run(long inputs, std::uint64_t seed) {
  limit_memory();
  Mutator mutator(seed);
  long refused = 0;
  for (long i = 0; i < inputs; ++i) {
    const std::string input = mutator.next();
    try {
      parse(input);
    } catch (const Error&) {
      ++refused;
    } catch (const std::exception& error) {
      std::printf("finding: input %ld of seed %llu: %s\n", i, static_cast<unsigned long long>(seed), error.what());
      std::fwrite(input.data(), 1, input.size(), stdout);
      return 1;
    }
  }
  std::printf("%ld inputs, %ld refused\n", inputs, refused);
  // A target that takes everything, or nothing, is not exercised.
  return refused > 0 && refused < inputs ? 0 : 1;
}

}  // namespace
}  // namespace quasar::fuzz

int main(int argc, char** argv) {
  return quasar::fuzz::run(argc > 1 ? std::atol(argv[1]) : 20000, argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1);
}
