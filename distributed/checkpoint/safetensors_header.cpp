#include "distributed/checkpoint/safetensors_header.h"

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>

#include <nlohmann/json.hpp>

#include "core/errors.h"

namespace quasar {
namespace {

constexpr char kMetadata[] = "__metadata__";
constexpr std::size_t kMostDimensions = 64;

/// Takes the parser's events straight into entries: no duplicate key is lost, and nothing large is built in between.
class HeaderEvents {
 public:
  explicit HeaderEvents(const std::string& file) : file_(file) {}

  SafetensorsHeader header;

  bool null() { unexpected("null"); }
  bool boolean(bool) { unexpected("a boolean"); }
  bool number_integer(std::int64_t value) { unexpected("the negative number " + std::to_string(value)); }
  bool number_float(double, const std::string& text) { unexpected("the number " + text); }
  bool binary(std::vector<std::uint8_t>&) { unexpected("binary data"); }

  bool number_unsigned(std::uint64_t value) {
    if (place_ == Place::shape) {
      if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        fail("the size " + std::to_string(value) + " is out of range");
      if (entry().shape.size() == kMostDimensions)
        fail("has more than " + std::to_string(kMostDimensions) + " dimensions");
      entry().shape.push_back(static_cast<std::int64_t>(value));
    } else if (place_ == Place::offsets) {
      if (offsets_ == 2) fail("data_offsets has more than two numbers");
      (offsets_++ == 0 ? entry().begin : entry().end) = value;
    } else {
      unexpected("the number " + std::to_string(value));
    }
    return true;
  }

  bool string(std::string& value) {
    if (place_ == Place::metadata) {
      header.metadata[key_] = value;
    } else if (place_ == Place::tensor && key_ == "dtype") {
      entry().type = value;
      if (safetensors_type_size(value) == 0) fail("has the unknown type '" + value + "'");
    } else {
      unexpected("the text '" + value + "'");
    }
    return true;
  }

  bool start_object(std::size_t) {
    if (place_ == Place::before) {
      place_ = Place::top;
    } else if (place_ == Place::top) {
      place_ = key_ == kMetadata ? Place::metadata : Place::tensor;
      if (place_ == Place::tensor) header.entries.push_back({key_, "", {}, 0, 0});
      keys_.clear();
    } else {
      unexpected("an object");
    }
    return true;
  }

  bool key(std::string& name) {
    std::set<std::string>& known = place_ == Place::top ? names_ : keys_;
    if (!known.insert(name).second) fail("the key '" + name + "' is there twice");
    if (place_ == Place::tensor && name != "dtype" && name != "shape" && name != "data_offsets")
      fail("has the unknown key '" + name + "'");
    key_ = name;
    return true;
  }

  bool end_object() {
    if (place_ == Place::tensor)
      for (const char* needed : {"dtype", "shape", "data_offsets"})
        if (!keys_.contains(needed)) fail(std::string("has no ") + needed);
    place_ = place_ == Place::top ? Place::after : Place::top;
    return true;
  }

  bool start_array(std::size_t) {
    if (place_ == Place::tensor && key_ == "shape") {
      place_ = Place::shape;
    } else if (place_ == Place::tensor && key_ == "data_offsets") {
      place_ = Place::offsets;
      offsets_ = 0;
    } else {
      unexpected("an array");
    }
    return true;
  }

  bool end_array() {
    if (place_ == Place::offsets && offsets_ != 2) fail("data_offsets has fewer than two numbers");
    place_ = Place::tensor;
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) {
    throw CheckpointError(file_ + ": the header is not JSON: " + error.what());
  }

 private:
  enum class Place { before, top, metadata, tensor, shape, offsets, after };

  SafetensorsEntry& entry() { return header.entries.back(); }

  [[noreturn]] void fail(const std::string& problem) const {
    std::string where;
    if (place_ == Place::metadata) where = std::string(kMetadata) + ": ";
    if (place_ == Place::tensor || place_ == Place::shape || place_ == Place::offsets)
      where = "tensor '" + header.entries.back().name + "': ";
    throw CheckpointError(file_ + ": " + where + problem);
  }
  [[noreturn]] void unexpected(const std::string& what) const {
    fail("unexpected " + what + (key_.empty() ? "" : " at '" + key_ + "'"));
  }

  const std::string& file_;
  Place place_ = Place::before;
  std::set<std::string> names_, keys_;  // of the whole, and of the object we are in
  std::string key_;
  int offsets_ = 0;
};

void check_span(const SafetensorsEntry& entry, std::uint64_t data_bytes, const std::string& where) {
  if (entry.begin > entry.end)
    throw CheckpointError(where + "begins at byte " + std::to_string(entry.begin) + " and ends before, at " +
                          std::to_string(entry.end));
  if (entry.end > data_bytes)
    throw CheckpointError(where + "ends at byte " + std::to_string(entry.end) + " of data that has " +
                          std::to_string(data_bytes));
  std::int64_t bytes = safetensors_type_size(entry.type);
  for (const std::int64_t size : entry.shape)
    if (__builtin_mul_overflow(bytes, size, &bytes)) throw CheckpointError(where + "its shape has too many numbers");
  if (static_cast<std::uint64_t>(bytes) != entry.end - entry.begin)
    throw CheckpointError(where + "its shape needs " + std::to_string(bytes) + " bytes, its offsets span " +
                          std::to_string(entry.end - entry.begin));
}

}  // namespace

std::int64_t safetensors_type_size(const std::string& type) {
  static const std::map<std::string, std::int64_t> sizes = {
      {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E5M2", 1}, {"F8_E4M3", 1}, {"I16", 2}, {"U16", 2}, {"F16", 2},
      {"BF16", 2}, {"I32", 4}, {"U32", 4}, {"F32", 4},     {"F64", 8},     {"I64", 8}, {"U64", 8}};
  const auto found = sizes.find(type);
  return found == sizes.end() ? 0 : found->second;
}

std::string write_safetensors_header(const SafetensorsHeader& header) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  if (!header.metadata.empty()) json[kMetadata] = header.metadata;
  for (const SafetensorsEntry& entry : header.entries) {
    if (entry.name == kMetadata || json.contains(entry.name))
      throw CheckpointError("two tensors cannot be saved under one name, '" + entry.name + "'");
    json[entry.name] = {{"dtype", entry.type}, {"shape", entry.shape}, {"data_offsets", {entry.begin, entry.end}}};
  }
  try {
    std::string text = json.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');
    return text;
  } catch (const nlohmann::json::exception& error) {
    throw CheckpointError(std::string("a tensor's name or the metadata cannot be saved: ") + error.what());
  }
}

SafetensorsHeader read_safetensors_header(const std::string& text, std::uint64_t data_bytes, const std::string& file) {
  if (!text.starts_with('{')) throw CheckpointError(file + ": the header does not begin with '{'");
  // The parser takes one for the end.
  if (text.find('\0') != std::string::npos) throw CheckpointError(file + ": the header holds a zero byte");
  HeaderEvents events(file);
  nlohmann::json::sax_parse(text, &events);
  SafetensorsHeader header = std::move(events.header);
  std::stable_sort(header.entries.begin(), header.entries.end(),
                   [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
                     return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
                   });
  std::uint64_t end = 0;
  for (const SafetensorsEntry& entry : header.entries) {
    const std::string where = file + ": tensor '" + entry.name + "': ";
    check_span(entry, data_bytes, where);
    if (entry.begin != end)
      throw CheckpointError(where + "begins at byte " + std::to_string(entry.begin) +
                            (entry.begin < end ? ", inside the one before it, which ends at "
                                               : ", leaving a hole behind the one before it, which ends at ") +
                            std::to_string(end));
    end = entry.end;
  }
  if (end != data_bytes)
    throw CheckpointError(file + ": " + std::to_string(data_bytes - end) + " bytes lie behind the last tensor");
  return header;
}

}  // namespace quasar
