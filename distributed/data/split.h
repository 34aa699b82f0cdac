#pragma once

namespace quasar {

enum class Split { train, test };

}  // namespace quasar
