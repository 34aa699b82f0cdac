#pragma once

namespace quasar {

/// eta_eff = eta/(1 - b), which takes eta's place in slow time and in psi under SGD with momentum b in [0, 1), whose
/// velocities stay local; with eta = 1 it is the factor whose square scales slow time.    Wang et al. 2024 (arXiv:2307.15196)
inline double effective_rate(double learning_rate, double momentum) { return learning_rate / (1.0 - momentum); }

}  // namespace quasar
