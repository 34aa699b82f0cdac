#include "distributed/networks/attention.h"
#include "distributed/networks/image_network.h"
#include "distributed/networks/layers.h"

namespace quasar {
namespace {

constexpr double kEpsilon = 1e-6;  // timm's

/// A convolution of a patch's size and stride.
class PatchProjection : public torch::nn::Module {
 public:
  explicit PatchProjection(const ImageNetworkOptions& options)
      : weight(
            register_parameter("weight", at::zeros({options.width, options.channels, options.patch, options.patch}))),
        bias(register_parameter("bias", at::zeros({options.width}))),
        patch_(options.patch) {}
  at::Tensor forward(const at::Tensor& images) const { return at::conv2d(images, weight, bias, patch_); }
  at::Tensor weight, bias;

 private:
  int patch_;
};

/// patch_embed, of which proj is the only part.
class PatchEmbedding : public torch::nn::Module {
 public:
  explicit PatchEmbedding(const ImageNetworkOptions& options)
      : proj(register_module("proj", std::make_shared<PatchProjection>(options))) {}
  at::Tensor forward(const at::Tensor& images) const { return proj->forward(images).flatten(2).transpose(1, 2); }
  std::shared_ptr<PatchProjection> proj;
};

class Attention : public torch::nn::Module {
 public:
  Attention(std::int64_t width, std::int64_t heads) : heads_(heads) {
    qkv_ = register_module("qkv", std::make_shared<Linear>(width, 3 * width));
    proj_ = register_module("proj", std::make_shared<Linear>(width, width));
  }
  at::Tensor forward(const at::Tensor& x) const { return proj_->forward(attend_to_all(qkv_->forward(x), heads_)); }

 private:
  std::int64_t heads_;
  std::shared_ptr<Linear> qkv_, proj_;
};

class Mlp : public torch::nn::Module {
 public:
  Mlp(std::int64_t width, std::int64_t inner) {
    fc1_ = register_module("fc1", std::make_shared<Linear>(width, inner));
    fc2_ = register_module("fc2", std::make_shared<Linear>(inner, width));
  }
  at::Tensor forward(const at::Tensor& x) const { return fc2_->forward(at::gelu(fc1_->forward(x))); }

 private:
  std::shared_ptr<Linear> fc1_, fc2_;
};

class Block : public torch::nn::Module {
 public:
  explicit Block(const ImageNetworkOptions& options) {
    norm1_ = register_module("norm1", std::make_shared<LayerNorm>(options.width, kEpsilon));
    attn_ = register_module("attn", std::make_shared<Attention>(options.width, options.heads));
    norm2_ = register_module("norm2", std::make_shared<LayerNorm>(options.width, kEpsilon));
    mlp_ = register_module("mlp", std::make_shared<Mlp>(options.width, options.mlp_width));
  }
  at::Tensor forward(const at::Tensor& x) const {
    const at::Tensor attended = x + attn_->forward(norm1_->forward(x));
    return attended + mlp_->forward(norm2_->forward(attended));
  }

 private:
  std::shared_ptr<LayerNorm> norm1_, norm2_;
  std::shared_ptr<Attention> attn_;
  std::shared_ptr<Mlp> mlp_;
};

class Blocks : public torch::nn::Module {
 public:
  explicit Blocks(const ImageNetworkOptions& options) {
    for (int block = 0; block < options.depth; ++block)
      blocks_.push_back(register_module(std::to_string(block), std::make_shared<Block>(options)));
  }
  at::Tensor forward(at::Tensor x) const {
    for (const auto& block : blocks_) x = block->forward(x);
    return x;
  }

 private:
  std::vector<std::shared_ptr<Block>> blocks_;
};

class Vit : public ImageNetwork {
 public:
  explicit Vit(const ImageNetworkOptions& options) {
    const std::int64_t patches = std::int64_t{options.rows / options.patch} * (options.cols / options.patch);
    cls_token_ = register_parameter("cls_token", at::zeros({1, 1, options.width}));
    pos_embed_ = register_parameter("pos_embed", at::zeros({1, patches + 1, options.width}));
    patch_embed_ = register_module("patch_embed", std::make_shared<PatchEmbedding>(options));
    blocks_ = register_module("blocks", std::make_shared<Blocks>(options));
    norm_ = register_module("norm", std::make_shared<LayerNorm>(options.width, kEpsilon));
    head_ = register_module("head", std::make_shared<Linear>(options.width, options.classes));
  }

  at::Tensor forward(at::Tensor images) override {
    const at::Tensor patches = patch_embed_->forward(images);
    const at::Tensor tokens = at::cat({cls_token_.expand({patches.size(0), -1, -1}), patches}, 1) + pos_embed_;
    return head_->forward(norm_->forward(blocks_->forward(tokens)).select(1, 0));
  }

 private:
  at::Tensor cls_token_, pos_embed_;
  std::shared_ptr<PatchEmbedding> patch_embed_;
  std::shared_ptr<Blocks> blocks_;
  std::shared_ptr<LayerNorm> norm_;
  std::shared_ptr<Linear> head_;
};

}  // namespace

std::shared_ptr<ImageNetwork> make_vit(const ImageNetworkOptions& options) { return std::make_shared<Vit>(options); }

}  // namespace quasar
