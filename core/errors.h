#pragma once

#include <stdexcept>
#include <string>

namespace quasar {

/// What the process returns to its caller; the same fault always gives the same code.
enum class ExitCode : int {
  done = 0,
  usage = 2,            ///< command line or configuration
  data = 3,             ///< a data file is missing or damaged
  checkpoint = 4,       ///< a checkpoint is missing, damaged or of another run
  numbers = 5,          ///< divergence, or a computation that cannot be done at this point
  peer = 6,             ///< another worker or a collective failed
  storage = 7,          ///< the results could not be written
  logs_incomplete = 8,  ///< finished, but some records were lost
  restart = 75          ///< saved; start me again
};

/// Base of every error that `main` turns into a message and an exit code.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

/// A command line or configuration that cannot be used.
struct ConfigError final : Error {
  explicit ConfigError(const std::string& message) : Error(ExitCode::usage, message) {}
};

/// A data file that is missing, short or damaged.
struct DataError final : Error {
  explicit DataError(const std::string& message) : Error(ExitCode::data, message) {}
};

/// A checkpoint that is missing, damaged, or of another run.
struct CheckpointError final : Error {
  explicit CheckpointError(const std::string& message) : Error(ExitCode::checkpoint, message) {}
};

/// A computation that has no answer at this point, such as a Hessian of the wrong rank.
struct NumericalError : Error {
  explicit NumericalError(const std::string& message) : Error(ExitCode::numbers, message) {}
};

/// A learning rate at which the discrete steps blow up in a mode of the Hessian.
struct UnstableStep final : NumericalError {
  explicit UnstableStep(const std::string& message) : NumericalError(message) {}
};

/// An iterate that left every bound; a result of its own (status `diverged`), not a fault of the program.
struct Diverged final : Error {
  explicit Diverged(const std::string& message) : Error(ExitCode::numbers, message) {}
};

/// A run that was stopped and saved; not a fault, the same command goes on with it.
struct Saved final : Error {
  explicit Saved(const std::string& message) : Error(ExitCode::restart, message) {}
};

/// Another worker, or a collective with it, failed.
struct PeerError final : Error {
  explicit PeerError(const std::string& message) : Error(ExitCode::peer, message) {}
};

/// Results could not be written.
struct StorageError final : Error {
  explicit StorageError(const std::string& message) : Error(ExitCode::storage, message) {}
};

/// A run that was finished, some of whose records could not be written.
struct LogsIncomplete final : Error {
  explicit LogsIncomplete(const std::string& message) : Error(ExitCode::logs_incomplete, message) {}
};

}  // namespace quasar
