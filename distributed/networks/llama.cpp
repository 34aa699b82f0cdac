#include <cmath>

#include "core/errors.h"
#include "distributed/networks/language_network.h"
#include "distributed/networks/layers.h"

namespace quasar {
namespace {

/// Cosine and sine (t, d/2) of the angles p theta^(-2i/d).
struct Rotation {
  at::Tensor cosine, sine;

  Rotation(std::int64_t places, std::int64_t head_size, double theta, const at::TensorOptions& options) {
    const at::TensorOptions exact = options.dtype(at::kDouble);
    const at::Tensor numbers = at::arange(head_size / 2, exact);
    const at::Tensor speeds = at::exp(numbers * (-2.0 * std::log(theta) / static_cast<double>(head_size)));
    const at::Tensor angles = at::outer(at::arange(places, exact), speeds);
    cosine = angles.cos().to(options);
    sine = angles.sin().to(options);
  }

  /// Of heads (b, h, t, d).
  at::Tensor operator()(const at::Tensor& heads) const {
    const std::int64_t half = heads.size(3) / 2;
    const at::Tensor first = heads.narrow(3, 0, half), second = heads.narrow(3, half, half);
    return at::cat({first * cosine - second * sine, second * cosine + first * sine}, 3);
  }
};

class Attention : public torch::nn::Module {
 public:
  explicit Attention(const LanguageNetworkOptions& options) : heads_(options.heads), kv_heads_(options.kv_heads) {
    const std::int64_t width = options.width, kv_width = width / heads_ * kv_heads_;
    q_proj_ = register_module("q_proj", std::make_shared<Linear>(width, width, false));
    k_proj_ = register_module("k_proj", std::make_shared<Linear>(width, kv_width, false));
    v_proj_ = register_module("v_proj", std::make_shared<Linear>(width, kv_width, false));
    o_proj_ = register_module("o_proj", std::make_shared<Linear>(width, width, false));
  }

  at::Tensor forward(const at::Tensor& x, const Rotation& rotate) const {
    const auto split = [](const at::Tensor& numbers, std::int64_t heads) {
      return numbers.unflatten(2, {heads, -1}).transpose(1, 2);
    };
    const at::Tensor queries = rotate(split(q_proj_->forward(x), heads_));
    const at::Tensor keys = rotate(split(k_proj_->forward(x), kv_heads_));
    const at::Tensor values = split(v_proj_->forward(x), kv_heads_);
    const at::Tensor mixed = at::scaled_dot_product_attention(queries, keys, values, {}, 0.0, /*is_causal=*/true, {},
                                                              /*enable_gqa=*/heads_ != kv_heads_);
    return o_proj_->forward(mixed.transpose(1, 2).flatten(2));
  }

 private:
  std::int64_t heads_, kv_heads_;
  std::shared_ptr<Linear> q_proj_, k_proj_, v_proj_, o_proj_;
};

class Mlp : public torch::nn::Module {
 public:
  Mlp(std::int64_t width, std::int64_t inner) {
    gate_proj_ = register_module("gate_proj", std::make_shared<Linear>(width, inner, false));
    up_proj_ = register_module("up_proj", std::make_shared<Linear>(width, inner, false));
    down_proj_ = register_module("down_proj", std::make_shared<Linear>(inner, width, false));
  }

  at::Tensor forward(const at::Tensor& x) const {
    return down_proj_->forward(at::silu(gate_proj_->forward(x)) * up_proj_->forward(x));
  }

 private:
  std::shared_ptr<Linear> gate_proj_, up_proj_, down_proj_;
};

class Block : public torch::nn::Module {
 public:
  explicit Block(const LanguageNetworkOptions& options) {
    self_attn_ = register_module("self_attn", std::make_shared<Attention>(options));
    mlp_ = register_module("mlp", std::make_shared<Mlp>(options.width, options.mlp_width));
    before_attention_ =
        register_module("input_layernorm", std::make_shared<RmsNorm>(options.width, options.norm_epsilon));
    before_mlp_ =
        register_module("post_attention_layernorm", std::make_shared<RmsNorm>(options.width, options.norm_epsilon));
  }

  at::Tensor forward(const at::Tensor& x, const Rotation& rotate) const {
    const at::Tensor attended = x + self_attn_->forward(before_attention_->forward(x), rotate);
    return attended + mlp_->forward(before_mlp_->forward(attended));
  }

 private:
  std::shared_ptr<Attention> self_attn_;
  std::shared_ptr<Mlp> mlp_;
  std::shared_ptr<RmsNorm> before_attention_, before_mlp_;
};

class Blocks : public torch::nn::Module {
 public:
  explicit Blocks(const LanguageNetworkOptions& options) {
    for (int block = 0; block < options.depth; ++block)
      blocks_.push_back(register_module(std::to_string(block), std::make_shared<Block>(options)));
  }

  at::Tensor forward(at::Tensor x, const Rotation& rotate) const {
    for (const auto& block : blocks_) x = block->forward(x, rotate);
    return x;
  }

 private:
  std::vector<std::shared_ptr<Block>> blocks_;
};

/// What Hugging Face calls `model`: everything but the logits.
class Trunk : public torch::nn::Module {
 public:
  explicit Trunk(const LanguageNetworkOptions& options)
      : head_size_(options.width / options.heads), theta_(options.rope_theta) {
    embed_tokens = register_module("embed_tokens", std::make_shared<Embedding>(options.vocabulary, options.width));
    layers_ = register_module("layers", std::make_shared<Blocks>(options));
    norm_ = register_module("norm", std::make_shared<RmsNorm>(options.width, options.norm_epsilon));
  }

  at::Tensor forward(const at::Tensor& tokens) const {
    const at::Tensor x = embed_tokens->forward(tokens);
    return norm_->forward(layers_->forward(x, Rotation(tokens.size(1), head_size_, theta_, x.options())));
  }

  std::shared_ptr<Embedding> embed_tokens;

 private:
  std::int64_t head_size_;
  double theta_;
  std::shared_ptr<Blocks> layers_;
  std::shared_ptr<RmsNorm> norm_;
};

class Llama : public LanguageNetwork {
 public:
  explicit Llama(const LanguageNetworkOptions& options) : context_(options.context) {
    model_ = register_module("model", std::make_shared<Trunk>(options));
    if (!options.tied)
      lm_head_ = register_module("lm_head", std::make_shared<Linear>(options.width, options.vocabulary, false));
  }

  at::Tensor forward(at::Tensor tokens) override {
    if (tokens.size(1) > context_)
      throw ConfigError("network.context = " + std::to_string(context_) + " is below the " +
                        std::to_string(tokens.size(1)) + " tokens of a sequence");
    const at::Tensor x = model_->forward(tokens);
    return lm_head_ ? lm_head_->forward(x) : at::linear(x, model_->embed_tokens->weight);
  }

 private:
  std::int64_t context_;
  std::shared_ptr<Trunk> model_;
  std::shared_ptr<Linear> lm_head_;
};

}  // namespace

std::shared_ptr<LanguageNetwork> make_llama(const LanguageNetworkOptions& options) {
  return std::make_shared<Llama>(options);
}

}  // namespace quasar
