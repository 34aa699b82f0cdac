#include "distributed/checkpoint/safetensors.h"

#include "tests/fuzz/fuzz.h"

namespace quasar::fuzz {
namespace {

std::string file_of(const std::string& header, std::size_t data_bytes) {
  std::string text;
  for (std::size_t i = 0; i < 8; ++i) text += static_cast<char>(header.size() >> (8 * i) & 255);
  return text + header + std::string(data_bytes, 'x');
}

}  // namespace

std::vector<std::string> seeds() {
  return {
      file_of(R"({"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})", 24),
      file_of(R"({"__metadata__":{"a":"b"},"w":{"dtype":"BOOL","shape":[],"data_offsets":[0,1]},)"
              R"("v":{"dtype":"I64","shape":[0],"data_offsets":[1,1]}})",
              1),
      file_of(
          R"({"a":{"dtype":"BF16","shape":[4],"data_offsets":[8,16]},"b":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}  )",
          16)};
}

void parse(const std::string& input) {
  static const InputFile file("w.safetensors");
  const SafetensorsFile read = SafetensorsFile::read(file.holding(input));
  std::size_t sum = 0;
  for (const NamedTensor& tensor : read.tensors())
    for (const std::byte byte : tensor.bytes) sum += static_cast<std::size_t>(byte);
  if (sum == static_cast<std::size_t>(-1)) throw std::logic_error("every byte is read");
}

}  // namespace quasar::fuzz
