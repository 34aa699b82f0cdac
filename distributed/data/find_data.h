#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace quasar {

/// Whether find_dataset may use the network.
enum class Download { allowed, never };

/// Folder that holds the four unpacked idx files of `mnist` or `fashion_mnist`; none if it cannot be had.
///
/// Looked for in this order, each as FOLDER or FOLDER/<name>, plain or packed with xz (unpacked once into the cache):
///   root_from_config (`data.root`; empty if not given) · $QUASAR_DATA · shared/data beside the source folder ·
///   <cache_folder()>/data/<name> · the official download into it, its checksum compared
/// throws  DataError if root_from_config is given and the set is not there
std::optional<std::filesystem::path> find_dataset(const std::string& name, const std::string& root_from_config,
                                                  Download download = Download::allowed);

}  // namespace quasar
