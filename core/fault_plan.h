#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace quasar {

/// Where a run can be made to fail.
enum class FaultSite {
  before_local_step,
  after_local_step,
  before_average,
  in_average,
  after_average,
  before_outer,
  after_outer,
  ckpt_write,
  ckpt_fsync,
  ckpt_rename,
  log_write,
  batch_read
};

/// How: the first five are carried out at once, the others are left to the caller. desync brings a tensor of another
/// size into an average, desync_type one of another type; desync_kind calls another collective, desync_order an extra one.
enum class FaultKind {
  kill,
  stop,
  exit,
  error,
  stall,
  nan,
  flip,
  desync,
  desync_type,
  desync_kind,
  desync_order,
  enospc
};

/// Carries out kill (SIGKILL), stop (SIGSTOP), exit, error (a DataError) and stall; returns a kind that the caller must
/// carry out, if one is planned here. Without a plan it costs one atomic load.
///
/// The plan is $QUASAR_FAULT, entries `kind@key=value,...` split by `;`, such as
/// "kill@rank=1,step=7,site=after_average; stall@rank=0,step=3,seconds=5". Keys: rank, step (left out: any), site (left
/// out: where the kind belongs - nan after_local_step, flip after_average, desync* in_average, enospc ckpt_write - else
/// any), seconds (of a stall; left out: for ever), code (of an exit). Every entry fires once.
std::optional<FaultKind> fault_at(FaultSite site, int rank, std::int64_t step);

/// Reads $QUASAR_FAULT and logs the plan on stderr; the first fault_at does it too. ConfigError if it makes no sense.
void load_fault_plan();
/// The same from a text instead of the environment; an empty one means no faults.
void set_fault_plan(const std::string& text);

/// The entries, as written, that never fired: a test whose fault never happened has shown nothing.
std::vector<std::string> unfired_faults();

}  // namespace quasar
