#include "distributed/checkpoint/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <fstream>

#include "core/errors.h"
#include "distributed/checkpoint/safetensors_header.h"
#include "distributed/checkpoint/sha256.h"

namespace quasar {
namespace {

namespace fs = std::filesystem;

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian");
constexpr std::uint64_t kLargestHeader = 100'000'000;  // the format's own limit

void check_tensor(const NamedTensor& tensor) {
  std::int64_t bytes = safetensors_type_size(tensor.type);
  if (bytes == 0) throw CheckpointError("tensor '" + tensor.name + "' has the unknown type '" + tensor.type + "'");
  for (const std::int64_t size : tensor.shape) bytes *= size;
  if (bytes != static_cast<std::int64_t>(tensor.bytes.size()))
    throw CheckpointError("tensor '" + tensor.name + "' has " + std::to_string(tensor.bytes.size()) +
                          " bytes, its shape needs " + std::to_string(bytes));
}

/// Reads exactly so many bytes and adds them to the hash.
void read_bytes(std::ifstream& stream, std::span<std::byte> bytes, Sha256& hash, const std::string& name) {
  stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (static_cast<std::size_t>(stream.gcount()) != bytes.size())
    throw CheckpointError(name + ": cannot be read to its end");
  hash.update(bytes);
}

/// The first bytes of torch.save's zip archive, or of a pickle of protocol 2 to 5.
bool begins_a_pickle(const std::array<std::byte, 8>& start) {
  constexpr std::array<std::byte, 4> kZip = {std::byte{'P'}, std::byte{'K'}, std::byte{3}, std::byte{4}};
  const bool is_pickle = start[0] == std::byte{0x80} && start[1] >= std::byte{2} && start[1] <= std::byte{5};
  return is_pickle || std::equal(kZip.begin(), kZip.end(), start.begin());
}

}  // namespace

FileRecord write_safetensors(FileSystem& files, const fs::path& file, std::span<const NamedTensor> tensors,
                             const std::map<std::string, std::string>& metadata) {
  std::vector<const NamedTensor*> order;
  for (const NamedTensor& tensor : tensors) {
    check_tensor(tensor);
    order.push_back(&tensor);
  }
  std::stable_sort(order.begin(), order.end(), [](const NamedTensor* a, const NamedTensor* b) {
    return safetensors_type_size(a->type) > safetensors_type_size(b->type);
  });
  SafetensorsHeader header{metadata, {}};
  std::uint64_t end = 0;
  for (const NamedTensor* tensor : order) {
    header.entries.push_back({tensor->name, tensor->type, tensor->shape, end, end + tensor->bytes.size()});
    end += tensor->bytes.size();
  }
  const std::string text = write_safetensors_header(header);
  const std::uint64_t length = text.size();
  if (length > kLargestHeader) throw CheckpointError(file.string() + ": too many tensors for one file");

  FileRecord record{file.filename().string(), static_cast<std::int64_t>(8 + length + end), ""};
  const auto output = files.create(file, record.bytes);
  Sha256 hash;
  const auto put = [&](std::span<const std::byte> bytes) {
    output->write(bytes);
    hash.update(bytes);
  };
  std::string start(8, '\0');
  std::memcpy(start.data(), &length, 8);
  put(std::as_bytes(std::span(start += text)));
  for (const NamedTensor* tensor : order)
    if (!tensor->bytes.empty()) put(tensor->bytes);
  output->sync();
  output->close();
  record.sha256 = hash.hex();
  return record;
}

SafetensorsFile SafetensorsFile::read(const fs::path& file) { return read(file, nullptr); }
SafetensorsFile SafetensorsFile::read(const fs::path& file, const FileRecord& record) { return read(file, &record); }

SafetensorsFile SafetensorsFile::read(const fs::path& file, const FileRecord* record) {
  const std::string name = file.string();
  std::error_code error;
  if (!fs::is_regular_file(file, error)) throw CheckpointError(name + ": is missing or not a file");
  const std::uint64_t size = fs::file_size(file, error);
  std::ifstream stream(file, std::ios::binary);
  if (error || !stream) throw CheckpointError(name + ": cannot be opened");
  if (record != nullptr && size != static_cast<std::uint64_t>(record->bytes))
    throw CheckpointError(name + ": has " + std::to_string(size) + " bytes, its manifest says " +
                          std::to_string(record->bytes));
  if (size < 8)
    throw CheckpointError(name + ": has " + std::to_string(size) + " bytes, too few for a safetensors file");

  Sha256 hash;
  std::array<std::byte, 8> start{};
  read_bytes(stream, start, hash, name);
  const auto length = std::bit_cast<std::uint64_t>(start);
  if (length > std::min(kLargestHeader, size - 8) && begins_a_pickle(start))
    throw CheckpointError(name + ": is a pickle, as torch.save writes it, and could run any program when it is read; " +
                          "convert it in Python: safetensors.torch.save_file(torch.load('" + name +
                          "', weights_only=True), 'model.safetensors')");
  if (length > kLargestHeader)
    throw CheckpointError(name + ": declares a header of " + std::to_string(length) + " bytes, more than 100 MB");
  if (length > size - 8)
    throw CheckpointError(name + ": declares a header of " + std::to_string(length) + " bytes in a file of " +
                          std::to_string(size));
  std::string text(length, '\0');
  read_bytes(stream, std::as_writable_bytes(std::span(text)), hash, name);
  const std::uint64_t data_bytes = size - 8 - length;
  SafetensorsHeader header = read_safetensors_header(text, data_bytes, name);

  SafetensorsFile result;
  result.data_ = std::make_unique_for_overwrite<std::byte[]>(data_bytes);
  read_bytes(stream, {result.data_.get(), data_bytes}, hash, name);
  if (record != nullptr && hash.hex() != record->sha256)
    throw CheckpointError(name + ": is damaged (its SHA-256 is not the manifest's)");
  for (SafetensorsEntry& entry : header.entries)
    result.tensors_.push_back({std::move(entry.name),
                               std::move(entry.type),
                               std::move(entry.shape),
                               {result.data_.get() + entry.begin, entry.end - entry.begin}});
  result.metadata_ = std::move(header.metadata);
  return result;
}

const NamedTensor* SafetensorsFile::find(const std::string& name) const& {
  const auto found =
      std::find_if(tensors_.begin(), tensors_.end(), [&](const NamedTensor& tensor) { return tensor.name == name; });
  return found == tensors_.end() ? nullptr : &*found;
}

}  // namespace quasar
