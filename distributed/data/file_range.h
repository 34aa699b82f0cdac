#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace quasar {

/// Replaces `bytes` by `count` bytes of a file from `offset` on.
///
/// throws  DataError beginning with `place` if the file cannot be opened or ends before
/// Not checked: `count`, which the caller has compared with the file's size.
void read_file_range(const std::filesystem::path& file, std::int64_t offset, std::int64_t count,
                     const std::string& place, std::vector<std::uint8_t>& bytes);

}  // namespace quasar
