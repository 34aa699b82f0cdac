#include "distributed/data/cifar.h"

#include "tests/fuzz/fuzz.h"

namespace quasar::fuzz {

std::vector<std::string> seeds() { return {std::string(3073, '\3') + std::string(3073, '\7')}; }

void parse(const std::string& input) {
  static const InputFile file("data_batch_1.bin");
  CifarImages images;
  read_cifar_batch(file.holding(input), 2, images);
  for (const std::uint8_t label : images.labels)
    if (label > 9) throw std::logic_error("a label that no class has");
  if (images.pixels.size() != 2 * 3072) throw std::logic_error("not two images");
}

}  // namespace quasar::fuzz
