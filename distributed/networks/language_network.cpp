#include "distributed/networks/language_network.h"

#include <algorithm>

#include "core/config.h"
#include "distributed/networks/named_start.h"

namespace quasar {
namespace {

constexpr double kDeviation = 0.02;
constexpr int kMostVocabulary = 1 << 20, kMostContext = 1 << 20, kMostWidth = 1 << 16, kMostDepth = 256;

LanguageNetworkOptions defaults_of(const std::string& name) {
  if (name == "llama") return {};
  // huggingface.co/keeeeenw/MicroLlama, the network of Lau et al. 2024 (arXiv:2406.13936).
  return {.name = name,
          .vocabulary = 32000,
          .context = 2048,
          .width = 1024,
          .depth = 12,
          .heads = 16,
          .kv_heads = 4,
          .mlp_width = 5632};
}

int default_mlp_width(int width) { return (8 * width / 3 + 7) / 8 * 8; }

}  // namespace

LanguageNetworkOptions LanguageNetworkOptions::read(const Config& config, int vocabulary) {
  LanguageNetworkOptions options =
      defaults_of(config.choice("network.name", {"llama", "microllama"}, std::string("llama")));
  const bool is_micro = options.name == "microllama";
  const auto integer = [&config](const char* key, Bounds bounds, int fallback) {
    return static_cast<int>(config.integer(key, bounds, fallback));
  };
  options.vocabulary = integer("network.vocabulary", between(vocabulary, kMostVocabulary),
                               is_micro ? std::max(options.vocabulary, vocabulary) : vocabulary);
  options.context = integer("network.context", between(1, kMostContext), options.context);
  options.width = integer("network.width", between(2, kMostWidth), options.width);
  options.depth = integer("network.depth", between(1, kMostDepth), options.depth);
  options.heads = integer("network.heads", between(1, kMostWidth), options.heads);
  options.kv_heads =
      integer("network.kv_heads", between(1, options.heads), is_micro ? options.kv_heads : options.heads);
  options.mlp_width = integer("network.mlp_width", between(1, kMostWidth),
                              is_micro ? options.mlp_width : default_mlp_width(options.width));
  options.rope_theta = config.number("network.rope_theta", positive(), options.rope_theta);
  options.norm_epsilon = config.number("network.norm_epsilon", positive(), options.norm_epsilon);
  options.tied = config.boolean("network.tied", options.tied);
  if (options.width % (2 * options.heads) != 0)
    config.fail("network.heads", "must divide network.width = " + std::to_string(options.width) +
                                     " into heads of an even size: rotary positions turn pairs");
  if (options.heads % options.kv_heads != 0)
    config.fail("network.kv_heads", "must divide network.heads = " + std::to_string(options.heads));
  return options;
}

std::shared_ptr<LanguageNetwork> make_language_network(const LanguageNetworkOptions& options, std::uint64_t seed) {
  auto network = make_llama(options);
  const at::NoGradGuard no_grad;
  std::uint32_t stream = 0;
  for (const at::Tensor& parameter : network->parameters())
    if (parameter.dim() > 1) draw_normals(parameter, kDeviation, seed, stream++);
  network->train();
  return network;
}

}  // namespace quasar
