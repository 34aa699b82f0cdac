#include "distributed/data/tar_shards.h"

#include <iterator>

#include "tests/distributed/tar_corpus.h"
#include "tests/fuzz/fuzz.h"

namespace quasar::fuzz {
namespace {

std::string tar_of(const std::vector<TarMember>& members) {
  const InputFile file("seed.tar");
  write_tar(file.folder() / "seed.tar", members);
  std::ifstream stream(file.folder() / "seed.tar", std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace

std::vector<std::string> seeds() {
  const TarMember photo{.name = "a/k.jpg", .bytes = std::string(700, 'x')}, label{.name = "a/k.cls", .bytes = "12\n"};
  return {tar_of({photo, label}), tar_of({{.name = "a", .type = AE_IFDIR}, label, photo}),
          tar_of({photo,
                  label,
                  {.name = std::string(200, 'n') + ".jpg", .bytes = "x"},
                  {.name = std::string(200, 'n') + ".cls", .bytes = "1"}}),
          tar_of({{.name = "s.jpg", .type = AE_IFLNK, .link = "k"}})};
}

void parse(const std::string& input) {
  static const InputFile file("a.tar");
  for (const TarSample& sample : index_tar(file.holding(input)))
    if (sample.offset < 512 || sample.bytes < 0 ||
        sample.offset + sample.bytes > static_cast<std::int64_t>(input.size()))
      throw std::logic_error("a sample outside the file");
}

}  // namespace quasar::fuzz
