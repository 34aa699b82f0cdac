#include "distributed/data/idx.h"

#include "tests/fuzz/fuzz.h"

namespace quasar::fuzz {

std::vector<std::string> seeds() {
  const auto size = [](std::size_t n) { return std::string(3, '\0') + static_cast<char>(n); };
  const std::string head("\0\0\10", 3);
  return {head + '\1' + size(5) + "abcde", head + '\3' + size(2) + size(3) + size(4) + std::string(24, 'p'),
          head + '\2' + size(0) + size(7)};
}

void parse(const std::string& input) {
  static const InputFile file("images-idx3-ubyte");
  const IdxArray array = read_idx(file.holding(input));
  std::size_t product = 1;
  for (const std::size_t extent : array.shape) product *= extent;
  if (product != array.values.size()) throw std::logic_error("the values are not what the shape says");
}

}  // namespace quasar::fuzz
