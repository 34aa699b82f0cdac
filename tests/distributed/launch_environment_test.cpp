#include "distributed/engine/launch_environment.h"

#include <cstdlib>
#include <map>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/errors.h"

namespace quasar {
namespace {

/// Exactly these variables of any launcher, for one test.
class LaunchVariables : public testing::Test {
 protected:
  LaunchVariables() {
    std::vector<std::string> names;
    for (char** variable = environ; *variable != nullptr; ++variable) {
      const std::string name = std::string(*variable).substr(0, std::string(*variable).find('='));
      for (const char* prefix :
           {"RANK", "WORLD_SIZE", "LOCAL_", "MASTER_", "SLURM_", "OMPI_", "PMI", "MPI_", "TORCHEL"})
        if (name.starts_with(prefix)) names.push_back(name);
    }
    for (const std::string& name : names) unsetenv(name.c_str());
  }
  ~LaunchVariables() override {
    for (const auto& [name, value] : set_) unsetenv(name.c_str());
  }
  void set(const std::map<std::string, std::string>& variables) {
    for (const auto& [name, value] : variables) {
      setenv(name.c_str(), value.c_str(), 1);
      set_[name] = value;
    }
  }
  std::string error() const {
    try {
      launch_environment();
    } catch (const ConfigError& refused) {
      return refused.what();
    }
    return "no error";
  }

 private:
  std::map<std::string, std::string> set_;
};

const std::map<std::string, std::string> kTorchrun = {{"RANK", "3"},         {"WORLD_SIZE", "4"},
                                                      {"LOCAL_RANK", "1"},   {"LOCAL_WORLD_SIZE", "2"},
                                                      {"MASTER_ADDR", "h0"}, {"MASTER_PORT", "29500"}};
const std::map<std::string, std::string> kSlurm = {
    {"SLURM_JOB_ID", "4711"},      {"SLURM_STEP_ID", "0"},
    {"SLURM_PROCID", "5"},         {"SLURM_NTASKS", "8"},
    {"SLURM_STEP_NUM_TASKS", "8"}, {"SLURM_STEP_NUM_NODES", "2"},
    {"SLURM_LOCALID", "1"},        {"SLURM_STEP_NODELIST", "node[03-05,9]"}};

TEST_F(LaunchVariables, NoneMeansNoLauncher) { EXPECT_FALSE(launch_environment()); }

TEST_F(LaunchVariables, TorchrunIsReadWholeAndItsAgentServesTheStore) {
  set(kTorchrun);
  auto place = launch_environment();
  ASSERT_TRUE(place);
  EXPECT_EQ(place->rank, 3);
  EXPECT_EQ(place->world_size, 4);
  EXPECT_EQ(place->local_rank, 1);
  EXPECT_EQ(place->local_world_size, 2);
  EXPECT_EQ(place->address, "h0");
  EXPECT_EQ(place->port, 29500);
  EXPECT_FALSE(place->store_is_served);
  set({{"TORCHELASTIC_USE_AGENT_STORE", "True"}, {"TORCHELASTIC_RESTART_COUNT", "2"}});
  place = launch_environment();
  EXPECT_TRUE(place->store_is_served);
  EXPECT_EQ(place->attempt, 2) << "a restart in place must not read the last attempt's keys";
}

TEST_F(LaunchVariables, SlurmStepMeetsOnItsFirstHostAtAPortOfTheJob) {
  set(kSlurm);
  const auto place = launch_environment();
  ASSERT_TRUE(place);
  EXPECT_EQ(place->launcher, "Slurm");
  EXPECT_EQ(place->rank, 5);
  EXPECT_EQ(place->world_size, 8);
  EXPECT_EQ(place->local_rank, 1);
  EXPECT_EQ(place->local_world_size, 4);
  EXPECT_EQ(place->address, "node03");
  EXPECT_GE(place->port, 20000);
  EXPECT_LT(place->port, 32000);
  set({{"SLURM_JOB_ID", "4712"}});
  EXPECT_NE(launch_environment()->port, place->port);
  set({{"MASTER_ADDR", "elsewhere"}, {"MASTER_PORT", "1234"}});
  EXPECT_EQ(launch_environment()->address, "elsewhere");
  EXPECT_EQ(launch_environment()->port, 1234);
}

TEST_F(LaunchVariables, SlurmAllocationWithoutSrunIsNoLaunch) {
  set({{"SLURM_JOB_ID", "4711"}, {"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}, {"SLURM_LOCALID", "0"}});
  EXPECT_FALSE(launch_environment()) << "sbatch's shell has SLURM_PROCID but no peers";
  set({{"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "1"}, {"SLURM_STEP_NUM_NODES", "1"}});
  EXPECT_FALSE(launch_environment()) << "a step of one task is alone";
}

TEST_F(LaunchVariables, OpenMpiAndMpichOnOneNodeAgreeOnAPort) {
  set({{"OMPI_COMM_WORLD_RANK", "1"},
       {"OMPI_COMM_WORLD_SIZE", "2"},
       {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
       {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}});
  auto place = launch_environment();
  ASSERT_TRUE(place);
  EXPECT_EQ(place->launcher, "Open MPI");
  EXPECT_EQ(place->address, "127.0.0.1");
  const int port = place->port;
  set({{"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_LOCAL_RANK", "0"}});
  EXPECT_EQ(launch_environment()->port, port) << "all ranks must name the same port";
}

TEST_F(LaunchVariables, MpichIsReadWithItsOwnNames) {
  set({{"PMI_RANK", "2"}, {"PMI_SIZE", "3"}, {"MPI_LOCALRANKID", "2"}, {"MPI_LOCALNRANKS", "3"}});
  const auto place = launch_environment();
  ASSERT_TRUE(place);
  EXPECT_EQ(place->launcher, "MPICH");
  EXPECT_EQ(place->rank, 2);
  EXPECT_EQ(place->local_rank, 2);
}

TEST_F(LaunchVariables, InnermostLauncherCounts) {
  set(kSlurm);
  set({{"OMPI_COMM_WORLD_RANK", "0"},
       {"OMPI_COMM_WORLD_SIZE", "2"},
       {"OMPI_COMM_WORLD_LOCAL_RANK", "0"},
       {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}});
  EXPECT_EQ(launch_environment()->launcher, "Open MPI") << "mpirun starts its daemons by srun";
  set(kTorchrun);
  EXPECT_EQ(launch_environment()->launcher, "torchrun");
}

TEST_F(LaunchVariables, ContradictionsNameTheVariableAndItsValue) {
  set({{"RANK", "1"}});
  EXPECT_THAT(error(), testing::HasSubstr("WORLD_SIZE is not set although RANK is"));
  set({{"WORLD_SIZE", "1"}});
  EXPECT_THAT(error(), testing::HasSubstr("RANK=1 must be below WORLD_SIZE=1"));
  set({{"WORLD_SIZE", "two"}});
  EXPECT_THAT(error(), testing::HasSubstr("WORLD_SIZE='two' is not a number"));
  set({{"WORLD_SIZE", "2"}});
  EXPECT_THAT(error(), testing::HasSubstr("MASTER_ADDR is not set"));
  set({{"MASTER_ADDR", "h"}, {"MASTER_PORT", "70000"}});
  EXPECT_THAT(error(), testing::HasSubstr("MASTER_PORT='70000'"));
  set({{"MASTER_PORT", "29500"}, {"LOCAL_RANK", "1"}, {"LOCAL_WORLD_SIZE", "1"}});
  EXPECT_THAT(error(), testing::HasSubstr("LOCAL_RANK=1, LOCAL_WORLD_SIZE=1"));
}

TEST_F(LaunchVariables, SeveralNodesWithoutAnAddressSayWhatToExport) {
  set({{"OMPI_COMM_WORLD_RANK", "1"},
       {"OMPI_COMM_WORLD_SIZE", "4"},
       {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
       {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}});
  EXPECT_THAT(error(), testing::AllOf(testing::HasSubstr("export MASTER_ADDR"), testing::HasSubstr("MASTER_PORT")));
}

TEST(SlurmHosts, FirstHostOfEveryFormOfList) {
  const std::map<std::string, std::string> firsts = {{"node7", "node7"},           {"a,b", "a"},
                                                     {"node[03-05,9]", "node03"},  {"node[9,03-05],other", "node9"},
                                                     {"login,node[1-2]", "login"}, {"r[1-2]n[07-08].hpc", "r1n07.hpc"},
                                                     {"n[1-2].hpc,m", "n1.hpc"}};
  for (const auto& [list, first] : firsts) EXPECT_EQ(first_slurm_host(list), first) << list;
  EXPECT_THROW(first_slurm_host("node[1-2"), ConfigError);
}

}  // namespace
}  // namespace quasar
