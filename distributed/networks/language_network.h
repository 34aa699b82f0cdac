#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <torch/nn/module.h>

namespace quasar {

class Config;

struct LanguageNetworkOptions {
  std::string name = "llama";  ///< llama or microllama, which is llama with other defaults
  int vocabulary = 256;        ///< tokens are below it
  int context = 256;           ///< tokens of a sequence at most
  int width = 128;             ///< numbers a token, between the blocks
  int depth = 4;               ///< blocks
  int heads = 4;               ///< of the queries; each has width / heads numbers
  int kv_heads = 4;            ///< of keys and values, each shared by heads / kv_heads heads of queries
  int mlp_width = 344;
  double rope_theta = 1e4;  ///< base of the rotary positions' wave lengths
  double norm_epsilon = 1e-5;
  bool tied = false;  ///< logits by model.embed_tokens.weight; there is no lm_head.weight then

  /// Reads `network.name` and the fields' names; the default of `network.vocabulary` is the data's, that of
  /// `network.mlp_width` 8/3 of the width (Touvron et al. 2023, arXiv:2302.13971), up to a multiple of 8.
  ///
  /// vocabulary  of the data; the network's may be larger
  /// throws      ConfigError where the heads do not divide the width evenly, or the queries' heads
  static LanguageNetworkOptions read(const Config& config, int vocabulary);
};

/// A network that gives the logits (b, t, vocabulary) of the next token at each place of tokens (b, t), int64.
class LanguageNetwork : public torch::nn::Module {
 public:
  /// Throws ConfigError if t is above the context. Not checked: that every token is below the vocabulary.
  virtual at::Tensor forward(at::Tensor tokens) = 0;
};

/// A network in training mode, FP32, whose weights of two dimensions are N(0, 0.02^2) as in Hugging Face's Llama, by draws
/// that the seed alone names, and whose norms' scales are 1.
///
/// cost  some 10 ns a parameter
std::shared_ptr<LanguageNetwork> make_language_network(const LanguageNetworkOptions& options, std::uint64_t seed);

/// Llama (Touvron et al. 2023, arXiv:2302.13971) before its start is drawn:
///
///   x <- x + o_proj attention(rmsnorm x),  x <- x + down_proj(silu(gate_proj y) * up_proj y) with y = rmsnorm x
///
/// rotary positions in Hugging Face's convention (numbers i and i + d/2 of a head turn together, by p theta^(-2i/d) at
/// place p) and grouped queries. Parameters have the names and shapes of Hugging Face's LlamaForCausalLM.
std::shared_ptr<LanguageNetwork> make_llama(const LanguageNetworkOptions& options);

}  // namespace quasar
