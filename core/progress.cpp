#include "core/progress.h"

#include <unistd.h>

#include <cmath>
#include <cstdio>

namespace quasar {

std::string format_duration(double seconds) {
  char text[48];
  const auto whole = static_cast<long long>(std::llround(seconds));
  if (whole < 60)
    std::snprintf(text, sizeof(text), "%lld s", whole);
  else if (whole < 3600)
    std::snprintf(text, sizeof(text), "%lld min %02lld s", whole / 60, whole % 60);
  else
    std::snprintf(text, sizeof(text), "%lld h %02lld min", whole / 3600, whole % 3600 / 60);
  return text;
}

Progress::Progress(std::string label, double total, std::string unit)
    : label_(std::move(label)),
      total_(total),
      unit_(std::move(unit)),
      terminal_(isatty(STDERR_FILENO) != 0),
      start_(Clock::now()),
      last_print_(start_) {}

Progress::~Progress() {
  if (printed_) print(done_, true);
}

void Progress::update(double done) {
  done_ = done;
  const auto now = Clock::now();
  const auto interval = terminal_ ? std::chrono::milliseconds(200) : std::chrono::milliseconds(5000);
  if (now - last_print_ < interval) return;
  last_print_ = now;
  printed_ = true;
  print(done, false);
}

void Progress::print(double done, bool last) {
  const double elapsed = std::chrono::duration<double>(Clock::now() - start_).count();
  const double rate = elapsed > 0.0 ? (done - before_) / elapsed : 0.0;
  const std::string left = rate > 0.0 ? format_duration((total_ - done) / rate) : "?";
  std::fprintf(stderr, "%s%s: %3.0f %%, %s, %.3g %s/s%s%s%s", terminal_ ? "\r" : "", label_.c_str(),
               100.0 * done / total_, format_duration(elapsed).c_str(), rate, unit_.c_str(), last ? "" : ", left ",
               last ? "" : left.c_str(), terminal_ && !last ? "   " : "\n");
  std::fflush(stderr);
}

}  // namespace quasar
