#pragma once

#include <cmath>

#include "core/elementary.h"

/// Forward-mode automatic differentiation. A formula written once as a template over its number type, evaluated with a
/// jet instead of a double, gives its derivatives to rounding. Jets nest, hold float or double, allocate nothing and run
/// wherever the number inside them does.
///
/// Functions are exponential and sine_cosine (core/elementary.h, the same bits on every device) and, by their names in
/// <cmath>, exp, log, sqrt, sin, cos and tanh. A formula calls the latter unqualified, after `using std::tanh;`.
namespace quasar {

/// The float or double at the bottom of nested jets.
template <class T>
struct BottomOf {
  using Type = T;
};
template <class T>
requires requires { typename T::Bottom; }
struct BottomOf<T> {
  using Type = typename T::Bottom;
};

template <class J>
concept Jet = requires {
  typename J::Bottom;
};

/// A number and its derivatives with respect to N variables: a first-order Taylor polynomial in N variables.
template <class T, int N>
struct Dual {
  using Bottom = typename BottomOf<T>::Type;

  T value;
  T slope[N];

  Dual() = default;
  QUASAR_HD Dual(double constant) : value(static_cast<T>(constant)), slope{} {}
  /// The variable number i, at the given value.
  QUASAR_HD static Dual variable(const T& value, int i) {
    Dual x(0.0);
    x.value = value;
    x.slope[i] = static_cast<T>(1.0);
    return x;
  }
  /// f(*this) from f and its derivatives at `value`; the second is not needed here.
  QUASAR_HD Dual chain(const T& f, const T& first, const T&) const {
    Dual y;
    y.value = f;
    for (int i = 0; i < N; ++i) y.slope[i] = first * slope[i];
    return y;
  }

  QUASAR_HD Dual& operator+=(const Dual& b) {
    value += b.value;
    for (int i = 0; i < N; ++i) slope[i] += b.slope[i];
    return *this;
  }
  QUASAR_HD Dual& operator-=(const Dual& b) {
    value -= b.value;
    for (int i = 0; i < N; ++i) slope[i] -= b.slope[i];
    return *this;
  }
  QUASAR_HD Dual& operator*=(const Dual& b) { return *this = *this * b; }
  QUASAR_HD Dual& operator/=(const Dual& b) { return *this = *this / b; }
  QUASAR_HD friend Dual operator+(Dual a, const Dual& b) { return a += b; }
  QUASAR_HD friend Dual operator-(Dual a, const Dual& b) { return a -= b; }
  QUASAR_HD friend Dual operator*(const Dual& a, const Dual& b) {
    Dual c;
    c.value = a.value * b.value;
    for (int i = 0; i < N; ++i) c.slope[i] = a.value * b.slope[i] + a.slope[i] * b.value;
    return c;
  }
  QUASAR_HD friend Dual operator/(const Dual& a, const Dual& b) {
    const T inverse = static_cast<T>(1.0) / b.value;
    Dual c;
    c.value = a.value * inverse;
    for (int i = 0; i < N; ++i) c.slope[i] = (a.slope[i] - c.value * b.slope[i]) * inverse;
    return c;
  }
  QUASAR_HD friend Dual operator-(const Dual& a) { return a * -1.0; }
  // with a constant, whose derivatives need no arithmetic
  QUASAR_HD friend Dual operator+(Dual a, double b) {
    a.value += static_cast<Bottom>(b);
    return a;
  }
  QUASAR_HD friend Dual operator*(Dual a, double b) {
    a.value *= static_cast<Bottom>(b);
    for (int i = 0; i < N; ++i) a.slope[i] *= static_cast<Bottom>(b);
    return a;
  }
  QUASAR_HD Dual& operator+=(double b) { return *this = *this + b; }
  QUASAR_HD Dual& operator*=(double b) { return *this = *this * b; }
  QUASAR_HD friend Dual operator+(double a, const Dual& b) { return b + a; }
  QUASAR_HD friend Dual operator-(const Dual& a, double b) { return a + -b; }
  QUASAR_HD friend Dual operator-(double a, const Dual& b) { return -b + a; }
  QUASAR_HD friend Dual operator*(double a, const Dual& b) { return b * a; }
};

/// value + first t + second t^2: a second-order Taylor polynomial along one direction (the second derivative is twice
/// `second`).
template <class T>
struct Taylor2 {
  using Bottom = typename BottomOf<T>::Type;

  T value, first, second;

  Taylor2() = default;
  QUASAR_HD Taylor2(double constant) : value(static_cast<T>(constant)), first{}, second{} {}
  QUASAR_HD Taylor2(const T& a, const T& b, const T& c) : value(a), first(b), second(c) {}
  /// f(*this) from f and its derivatives at `value`.
  QUASAR_HD Taylor2 chain(const T& f, const T& df, const T& ddf) const {
    return {f, df * first, df * second + ddf * first * first * static_cast<Bottom>(0.5)};
  }

  QUASAR_HD Taylor2& operator+=(const Taylor2& b) { return *this = *this + b; }
  QUASAR_HD Taylor2& operator-=(const Taylor2& b) { return *this = *this - b; }
  QUASAR_HD Taylor2& operator*=(const Taylor2& b) { return *this = *this * b; }
  QUASAR_HD Taylor2& operator/=(const Taylor2& b) { return *this = *this / b; }
  QUASAR_HD friend Taylor2 operator+(const Taylor2& a, const Taylor2& b) {
    return {a.value + b.value, a.first + b.first, a.second + b.second};
  }
  QUASAR_HD friend Taylor2 operator-(const Taylor2& a, const Taylor2& b) {
    return {a.value - b.value, a.first - b.first, a.second - b.second};
  }
  QUASAR_HD friend Taylor2 operator*(const Taylor2& a, const Taylor2& b) {
    return {a.value * b.value, a.value * b.first + a.first * b.value,
            a.value * b.second + a.first * b.first + a.second * b.value};
  }
  QUASAR_HD friend Taylor2 operator/(const Taylor2& a, const Taylor2& b) {
    const T inverse = static_cast<T>(1.0) / b.value, value = a.value * inverse;
    const T first = (a.first - value * b.first) * inverse;
    return {value, first, (a.second - value * b.second - first * b.first) * inverse};
  }
  QUASAR_HD friend Taylor2 operator-(const Taylor2& a) { return {-a.value, -a.first, -a.second}; }
  QUASAR_HD friend Taylor2 operator+(const Taylor2& a, double b) {
    return {a.value + static_cast<Bottom>(b), a.first, a.second};
  }
  QUASAR_HD friend Taylor2 operator*(const Taylor2& a, double b) {
    const auto factor = static_cast<Bottom>(b);
    return {a.value * factor, a.first * factor, a.second * factor};
  }
  QUASAR_HD Taylor2& operator+=(double b) { return *this = *this + b; }
  QUASAR_HD Taylor2& operator*=(double b) { return *this = *this * b; }
  QUASAR_HD friend Taylor2 operator+(double a, const Taylor2& b) { return b + a; }
  QUASAR_HD friend Taylor2 operator-(const Taylor2& a, double b) { return a + -b; }
  QUASAR_HD friend Taylor2 operator-(double a, const Taylor2& b) { return -b + a; }
  QUASAR_HD friend Taylor2 operator*(double a, const Taylor2& b) { return b * a; }
};

template <Jet J>
QUASAR_HD J fused_multiply_add(const J& a, const J& b, const J& c) {
  return a * b + c;
}
template <Jet J>
QUASAR_HD J exponential(const J& x) {
  const auto e = exponential(x.value);
  return x.chain(e, e, e);
}
template <Jet J>
QUASAR_HD void sine_cosine(const J& x, J& sine, J& cosine) {
  decltype(x.value) s, c;
  sine_cosine(x.value, s, c);
  sine = x.chain(s, c, -s);
  cosine = x.chain(c, -s, -c);
}
template <Jet J>
QUASAR_HD J exp(const J& x) {
  using std::exp;
  const auto e = exp(x.value);
  return x.chain(e, e, e);
}
template <Jet J>
QUASAR_HD J log(const J& x) {
  using std::log;
  const auto inverse = decltype(x.value)(1.0) / x.value;
  return x.chain(log(x.value), inverse, -inverse * inverse);
}
template <Jet J>
QUASAR_HD J sqrt(const J& x) {
  using std::sqrt;
  using T = decltype(x.value);
  const auto root = sqrt(x.value);
  const auto first = static_cast<T>(0.5) / root;
  return x.chain(root, first, -first * first / root);
}
template <Jet J>
QUASAR_HD J sin(const J& x) {
  using std::cos, std::sin;
  const auto s = sin(x.value);
  return x.chain(s, cos(x.value), -s);
}
template <Jet J>
QUASAR_HD J cos(const J& x) {
  using std::cos, std::sin;
  const auto c = cos(x.value);
  return x.chain(c, -sin(x.value), -c);
}
template <Jet J>
QUASAR_HD J tanh(const J& x) {
  using std::tanh;
  using T = decltype(x.value);
  const auto t = tanh(x.value);
  const auto first = static_cast<T>(1.0) - t * t;
  return x.chain(t, first, -(t * first) - (t * first));
}

}  // namespace quasar
