#include "distributed/data/file_range.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/errors.h"

namespace quasar {
namespace {

struct Descriptor {
  int number;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
};

}  // namespace

void read_file_range(const std::filesystem::path& file, std::int64_t offset, std::int64_t count,
                     const std::string& place, std::vector<std::uint8_t>& bytes) {
  const Descriptor descriptor{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  if (descriptor.number < 0) throw DataError(place + ": cannot be opened (" + std::strerror(errno) + ")");
  bytes.resize(static_cast<std::size_t>(count));
  std::int64_t done = 0;
  while (done < count) {
    const ssize_t got =
        ::pread(descriptor.number, bytes.data() + done, static_cast<std::size_t>(count - done), offset + done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw DataError(place + ": cannot be read (" + std::strerror(errno) + ")");
    if (got == 0)
      throw DataError(place + ": ends at byte " + std::to_string(offset + done) + " of " +
                      std::to_string(offset + count) + "; has it changed since the start?");
    done += got;
  }
}

}  // namespace quasar
