#pragma once

#include <cstdint>

#include "core/host_device.h"

namespace quasar {

/// Two registers side by side with the operations of one: a single chain of operations waits for its results, two in
/// turn keep a core busy.
template <class Register>
struct Pair {
  Register first, second;

  QUASAR_HD Pair() {}
  QUASAR_HD Pair(Register a, Register b) : first(a), second(b) {}
  template <class Number>
  QUASAR_HD explicit Pair(Number in_every_lane) : first(in_every_lane), second(in_every_lane) {}
};

template <class R>
QUASAR_HD Pair<R> operator-(Pair<R> a, Pair<R> b) {
  return {a.first - b.first, a.second - b.second};
}
template <class R>
QUASAR_HD Pair<R> operator*(Pair<R> a, Pair<R> b) {
  return {a.first * b.first, a.second * b.second};
}
template <class R>
QUASAR_HD Pair<R> fused_multiply_add(Pair<R> a, Pair<R> b, Pair<R> c) {
  return {fused_multiply_add(a.first, b.first, c.first), fused_multiply_add(a.second, b.second, c.second)};
}
template <class R>
QUASAR_HD Pair<R> square_root(Pair<R> x) {
  return {square_root(x.first), square_root(x.second)};
}
template <class R>
QUASAR_HD Pair<R> positive_part(Pair<R> x) {
  return {positive_part(x.first), positive_part(x.second)};
}
template <class R>
QUASAR_HD auto bits_of(Pair<R> x) {
  return Pair{bits_of(x.first), bits_of(x.second)};
}
template <class R>
QUASAR_HD auto float_of_bits(Pair<R> words) {
  return Pair{float_of_bits(words.first), float_of_bits(words.second)};
}
template <class R>
QUASAR_HD auto float_of_signed(Pair<R> words) {
  return Pair{float_of_signed(words.first), float_of_signed(words.second)};
}
template <class R>
QUASAR_HD auto float_of_unsigned(Pair<R> words) {
  return Pair{float_of_unsigned(words.first), float_of_unsigned(words.second)};
}
template <class R>
QUASAR_HD auto one_to_two(Pair<R> words) {
  return Pair{one_to_two(words.first), one_to_two(words.second)};
}
template <int Bits, class R>
QUASAR_HD Pair<R> shifted_left(Pair<R> words) {
  return {shifted_left<Bits>(words.first), shifted_left<Bits>(words.second)};
}
template <int Bits, class R>
QUASAR_HD Pair<R> shifted_right_signed(Pair<R> words) {
  return {shifted_right_signed<Bits>(words.first), shifted_right_signed<Bits>(words.second)};
}
template <int Bit, class W, class R>
QUASAR_HD Pair<R> choose_by_bit(Pair<W> words, Pair<R> if_set, Pair<R> if_clear) {
  return {choose_by_bit<Bit>(words.first, if_set.first, if_clear.first),
          choose_by_bit<Bit>(words.second, if_set.second, if_clear.second)};
}
template <class R, class W>
QUASAR_HD Pair<R> negate_by_top_bit(Pair<R> x, Pair<W> words) {
  return {negate_by_top_bit(x.first, words.first), negate_by_top_bit(x.second, words.second)};
}

}  // namespace quasar
