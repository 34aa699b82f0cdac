#include <cmath>

#include "distributed/networks/attention.h"
#include "distributed/networks/image_network.h"
#include "distributed/networks/layers.h"

namespace quasar {
namespace {

constexpr double kEpsilon = 1e-5;  // PyTorch's

/// Parts 0, 1, ... of which some have no parameters and so no module.
class Numbered : public torch::nn::Module {
 protected:
  template <class Part>
  std::shared_ptr<Part> part(int number, std::shared_ptr<Part> module) {
    return register_module(std::to_string(number), std::move(module));
  }
};

/// (b, channels, rows, cols) to (b, patches, width); a patch's numbers in the order row, column, channel.
class PatchEmbedding : public Numbered {
 public:
  explicit PatchEmbedding(const ImageNetworkOptions& options) : patch_(options.patch) {
    const std::int64_t numbers = std::int64_t{options.patch} * options.patch * options.channels;
    norm_ = part(1, std::make_shared<LayerNorm>(numbers, kEpsilon));
    linear_ = part(2, std::make_shared<Linear>(numbers, options.width));
    last_norm_ = part(3, std::make_shared<LayerNorm>(options.width, kEpsilon));
  }
  at::Tensor forward(const at::Tensor& images) const {
    const at::Tensor tiles = images.unflatten(3, {-1, patch_}).unflatten(2, {-1, patch_});  // (b, c, i, p, j, q)
    const at::Tensor patches = tiles.permute({0, 2, 4, 3, 5, 1}).flatten(3).flatten(1, 2);
    return last_norm_->forward(linear_->forward(norm_->forward(patches)));
  }

 private:
  std::int64_t patch_;
  std::shared_ptr<LayerNorm> norm_, last_norm_;
  std::shared_ptr<Linear> linear_;
};

class Attention : public torch::nn::Module {
 public:
  Attention(std::int64_t width, std::int64_t heads) : heads_(heads) {
    norm_ = register_module("norm", std::make_shared<LayerNorm>(width, kEpsilon));
    to_qkv_ = register_module("to_qkv", std::make_shared<Linear>(width, 3 * width, false));
    to_out_ = register_module("to_out", std::make_shared<Linear>(width, width, false));
  }
  at::Tensor forward(const at::Tensor& x) const {
    return to_out_->forward(attend_to_all(to_qkv_->forward(norm_->forward(x)), heads_));
  }

 private:
  std::int64_t heads_;
  std::shared_ptr<LayerNorm> norm_;
  std::shared_ptr<Linear> to_qkv_, to_out_;
};

class Mlp : public Numbered {
 public:
  Mlp(std::int64_t width, std::int64_t inner) {
    norm_ = part(0, std::make_shared<LayerNorm>(width, kEpsilon));
    first_ = part(1, std::make_shared<Linear>(width, inner));
    second_ = part(3, std::make_shared<Linear>(inner, width));
  }
  at::Tensor forward(const at::Tensor& x) const {
    return second_->forward(at::gelu(first_->forward(norm_->forward(x))));
  }

 private:
  std::shared_ptr<LayerNorm> norm_;
  std::shared_ptr<Linear> first_, second_;
};

/// What vit-pytorch calls 1.net, to give the Mlp's parts their names.
class NamedNet : public torch::nn::Module {
 public:
  explicit NamedNet(const ImageNetworkOptions& options)
      : net(register_module("net", std::make_shared<Mlp>(options.width, options.mlp_width))) {}
  std::shared_ptr<Mlp> net;
};

class Block : public Numbered {
 public:
  explicit Block(const ImageNetworkOptions& options) {
    attention_ = part(0, std::make_shared<Attention>(options.width, options.heads));
    mlp_ = part(1, std::make_shared<NamedNet>(options));
  }
  at::Tensor forward(const at::Tensor& x) const {
    const at::Tensor attended = x + attention_->forward(x);
    return attended + mlp_->net->forward(attended);
  }

 private:
  std::shared_ptr<Attention> attention_;
  std::shared_ptr<NamedNet> mlp_;
};

class Blocks : public Numbered {
 public:
  explicit Blocks(const ImageNetworkOptions& options) {
    for (int block = 0; block < options.depth; ++block)
      blocks_.push_back(part(block, std::make_shared<Block>(options)));
  }
  at::Tensor forward(at::Tensor x) const {
    for (const auto& block : blocks_) x = block->forward(x);
    return x;
  }

 private:
  std::vector<std::shared_ptr<Block>> blocks_;
};

class Transformer : public torch::nn::Module {
 public:
  explicit Transformer(const ImageNetworkOptions& options) {
    norm_ = register_module("norm", std::make_shared<LayerNorm>(options.width, kEpsilon));
    layers_ = register_module("layers", std::make_shared<Blocks>(options));
  }
  at::Tensor forward(const at::Tensor& x) const { return norm_->forward(layers_->forward(x)); }

 private:
  std::shared_ptr<LayerNorm> norm_;
  std::shared_ptr<Blocks> layers_;
};

/// (sin(c w), cos(c w), sin(r w), cos(r w)) of the patch in row r and column c, with w_i = 10000^(-i / (width/4 - 1)):
/// (patches, width).
at::Tensor sine_positions(std::int64_t rows, std::int64_t cols, std::int64_t width) {
  const std::int64_t quarter = width / 4;
  const at::Tensor exponents = at::arange(quarter, at::kDouble) / static_cast<double>(quarter - 1);
  const at::Tensor speeds = at::exp(exponents * -std::log(1e4));
  const at::Tensor of_rows = at::outer(at::arange(rows, at::kDouble), speeds).repeat_interleave(cols, 0);
  const at::Tensor of_cols = at::outer(at::arange(cols, at::kDouble), speeds).repeat({rows, 1});
  return at::cat({of_cols.sin(), of_cols.cos(), of_rows.sin(), of_rows.cos()}, 1);
}

class SimpleVit : public ImageNetwork {
 public:
  explicit SimpleVit(const ImageNetworkOptions& options) {
    // A buffer only so that it follows the network to its device; it is no state, and not saved.
    positions_ = register_buffer(
        "pos_embedding", sine_positions(options.rows / options.patch, options.cols / options.patch, options.width));
    to_patch_embedding_ = register_module("to_patch_embedding", std::make_shared<PatchEmbedding>(options));
    transformer_ = register_module("transformer", std::make_shared<Transformer>(options));
    linear_head_ = register_module("linear_head", std::make_shared<Linear>(options.width, options.classes));
  }

  at::Tensor forward(at::Tensor images) override {
    const at::Tensor patches = to_patch_embedding_->forward(images);
    const at::Tensor tokens = patches + positions_.to(patches.options());
    return linear_head_->forward(at::mean(transformer_->forward(tokens), {1}));
  }

 private:
  at::Tensor positions_;
  std::shared_ptr<PatchEmbedding> to_patch_embedding_;
  std::shared_ptr<Transformer> transformer_;
  std::shared_ptr<Linear> linear_head_;
};

}  // namespace

std::shared_ptr<ImageNetwork> make_simple_vit(const ImageNetworkOptions& options) {
  return std::make_shared<SimpleVit>(options);
}

}  // namespace quasar
