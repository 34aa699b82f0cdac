#pragma once

#include <memory>
#include <variant>

#include "core/config.h"
#include "experiments/landscape_problem.h"

namespace quasar {

/// A loss with its noise behind one interface, so that the integrators are compiled once a dimension and not once a
/// landscape. A call of it costs some nanoseconds more than one of the landscape.
template <int Dim>
class ErasedLandscape {
 public:
  static constexpr int dim = Dim;

  template <class L>
  explicit ErasedLandscape(L landscape) : model_(std::make_shared<Model<L>>(std::move(landscape))) {}

  double value(const Vec<Dim>& x) const { return model_->value(x); }
  Vec<Dim> gradient(const Vec<Dim>& x) const { return model_->gradient(x); }
  Mat<Dim> hessian(const Vec<Dim>& x) const { return model_->hessian(x); }
  Vec<Dim> third_derivative(const Vec<Dim>& x, const Mat<Dim>& s) const { return model_->third_derivative(x, s); }
  Mat<Dim> covariance(const Vec<Dim>& x) const { return model_->covariance(x); }

 private:
  struct Interface {
    virtual ~Interface() = default;
    virtual double value(const Vec<Dim>& x) const = 0;
    virtual Vec<Dim> gradient(const Vec<Dim>& x) const = 0;
    virtual Mat<Dim> hessian(const Vec<Dim>& x) const = 0;
    virtual Vec<Dim> third_derivative(const Vec<Dim>& x, const Mat<Dim>& s) const = 0;
    virtual Mat<Dim> covariance(const Vec<Dim>& x) const = 0;
  };
  template <class L>
  struct Model final : Interface {
    static_assert(Dim == Eigen::Dynamic || Dim == L::dim);
    explicit Model(L given) : landscape(std::move(given)) {}
    double value(const Vec<Dim>& x) const override { return landscape.value(x); }
    Vec<Dim> gradient(const Vec<Dim>& x) const override { return landscape.gradient(Vec<L::dim>(x)); }
    Mat<Dim> hessian(const Vec<Dim>& x) const override { return landscape.hessian(x); }
    Vec<Dim> third_derivative(const Vec<Dim>& x, const Mat<Dim>& s) const override {
      return landscape.third_derivative(x, s);
    }
    Mat<Dim> covariance(const Vec<Dim>& x) const override { return landscape.covariance(x); }
    L landscape;
  };
  std::shared_ptr<const Interface> model_;
};

/// A landscape with its start and observables as the integrators see it.
template <int Dim>
using SlowProblem = LandscapeProblem<ErasedLandscape<Dim>>;

/// Of the dimension of the landscape if that is 2 or 3, else of a dynamic one.
using AnySlowProblem = std::variant<SlowProblem<2>, SlowProblem<3>, SlowProblem<Eigen::Dynamic>>;

struct NamedSlowProblem {
  std::string name;
  AnySlowProblem problem;
};

/// Reads `landscape.*` for `quasar sde`.
NamedSlowProblem read_slow_problem(const Config& config);

/// Throws ConfigError about `key` unless the landscape's manifold is known as a closed curve, which only plane ones are.
void require_closed_curve(const Config& config, const NamedSlowProblem& problem, const std::string& key);

}  // namespace quasar
