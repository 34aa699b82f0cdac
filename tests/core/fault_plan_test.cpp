#include "core/fault_plan.h"

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/errors.h"

namespace quasar {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct FaultPlan : testing::Test {
  ~FaultPlan() override { set_fault_plan(""); }
};

TEST_F(FaultPlan, EntryFiresOnceAtItsSiteRankAndStep) {
  set_fault_plan("nan@rank=2,step=3; flip@site=after_average");
  EXPECT_FALSE(fault_at(FaultSite::after_local_step, 1, 3));
  EXPECT_FALSE(fault_at(FaultSite::after_local_step, 2, 2));
  EXPECT_FALSE(fault_at(FaultSite::before_local_step, 2, 3)) << "a nan belongs after a local step";
  EXPECT_EQ(fault_at(FaultSite::after_local_step, 2, 3), FaultKind::nan);
  EXPECT_FALSE(fault_at(FaultSite::after_local_step, 2, 3)) << "fired already";
  EXPECT_THAT(unfired_faults(), ElementsAre("flip@site=after_average"));
  EXPECT_EQ(fault_at(FaultSite::after_average, 7, 99), FaultKind::flip) << "rank and step left out mean any";
  EXPECT_TRUE(unfired_faults().empty());
}

TEST_F(FaultPlan, ErrorStallAndDeathAreCarriedOutHere) {
  set_fault_plan("error@rank=0,step=1,site=batch_read; stall@step=2,seconds=0");
  try {
    fault_at(FaultSite::batch_read, 0, 1);
    FAIL() << "no error";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr("batch_read, rank 0, step 1"));
  }
  EXPECT_FALSE(fault_at(FaultSite::before_average, 0, 2)) << "a stall is over when it returns";
  EXPECT_TRUE(unfired_faults().empty());
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT((set_fault_plan("kill@step=4"), fault_at(FaultSite::log_write, 0, 4)), testing::KilledBySignal(SIGKILL),
              "now 'kill@step=4' at log_write");
  EXPECT_EXIT((set_fault_plan("exit@code=9"), fault_at(FaultSite::log_write, 0, 4)), testing::ExitedWithCode(9), "");
}

TEST_F(FaultPlan, NonsenseIsRefusedWithTheEntryNamed) {
  for (const char* text : {"kil@rank=1", "kill@rank=x", "kill@rank=-1", "kill@site=nowhere", "kill@round=3",
                           "kill@rank", "kill@seconds=3", "nan@rank=1; ;@"}) {
    try {
      set_fault_plan(text);
      ADD_FAILURE() << text << " was accepted";
    } catch (const ConfigError& error) {
      EXPECT_THAT(error.what(), HasSubstr("QUASAR_FAULT"));
    }
  }
  EXPECT_FALSE(fault_at(FaultSite::log_write, 0, 0)) << "a refused plan must not act";
}

}  // namespace
}  // namespace quasar
