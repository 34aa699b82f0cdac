#include "distributed/networks/named_start.h"

#include "core/random.h"

namespace quasar {
namespace {

Draw name_of(std::uint64_t seed, std::uint32_t stream, std::int64_t block) {
  return {
      .seed = seed, .use = Use::network_start, .replica = 0, .step = static_cast<std::uint64_t>(block), .lane = stream};
}

}  // namespace

void draw_normals(const at::Tensor& weight, double deviation, std::uint64_t seed, std::uint32_t stream) {
  float z[4];
  auto* values = weight.data_ptr<float>();
  for (std::int64_t i = 0; i < weight.numel(); ++i) {
    if (i % 4 == 0) normals(name_of(seed, stream, i / 4), z);
    values[i] = static_cast<float>(deviation * z[i % 4]);
  }
}

void draw_uniforms(const at::Tensor& weight, double bound, std::uint64_t seed, std::uint32_t stream) {
  Words block{};
  auto* values = weight.data_ptr<float>();
  for (std::int64_t i = 0; i < weight.numel(); ++i) {
    if (i % 4 == 0) block = words(name_of(seed, stream, i / 4));
    const double centred = (static_cast<double>(block.w[i % 4] >> 8) + 0.5) * 0x1p-23 - 1.0;
    values[i] = static_cast<float>(bound * centred);
  }
}

}  // namespace quasar
