// A process to kill: saves one checkpoint, writes records, or holds a run's lock until its standard input ends.
#include <iostream>
#include <string>

#include "core/config.h"
#include "core/errors.h"
#include "core/recorder.h"
#include "core/run_lock.h"
#include "tests/distributed/checkpoint_for_tests.h"

int main(int count, char** words) {
  const std::string command = count > 2 ? words[1] : "";
  try {
    if (command == "save" && count == 5) {
      quasar::CheckpointFolder folder(words[2]);
      folder.clean();
      quasar::save(folder, std::stol(words[3]), std::stoi(words[4]));
    } else if (command == "record" && count == 3) {
      quasar::Recorder recorder(words[2], quasar::Config::from_text("", "none"), {});
      for (int step = 0; step < 6; ++step) recorder.record("steps", {{"step", step}});
      recorder.finish("done");
    } else if (command == "hold" && count == 3) {
      const quasar::RunLock lock(words[2]);
      std::cerr << "held" << std::endl;
      std::cin.get();
    } else {
      std::cerr << "usage: checkpoint_saver save RUN STEP SEED | record RUN | hold RUN\n";
      return 2;
    }
  } catch (const quasar::Error& error) {
    std::cerr << error.what() << '\n';
    return static_cast<int>(error.code());
  }
}
