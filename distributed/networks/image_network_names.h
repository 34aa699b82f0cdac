#pragma once

#include <string>
#include <vector>

namespace quasar {

/// What `network.name` may be where images are classified; without Torch, so that every build can plan their training.
inline const std::vector<std::string> kImageNetworks = {"mlp",       "cnn",      "resnet20",  "resnet56",
                                                        "resnet18",  "resnet34", "resnet50",  "resnet101",
                                                        "resnet152", "vit",      "simple_vit"};

}  // namespace quasar
