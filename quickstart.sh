#!/usr/bin/env bash
# The main job: theory and measurement of Local SGD on one page.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

if [[ ${1:-} == --help || ${1:-} == -h ]]; then
  cat <<'HELP'
usage: ./quickstart.sh [section.key=value ...]

Sets up what is missing (Debian packages, a Python environment for the figures, LibTorch; at most 15 minutes the first
time on 2 cores, seconds later), builds quasar, and runs

  quasar compare experiments/side_by_side.toml [section.key=value ...]

which takes about 5 minutes and ends by naming the figure and the table it wrote. What is done already is not done
again. Arguments are handed to that command, so `./quickstart.sh --dry-run` shows its plan.

QUASAR_CACHE         where downloads go                       ($XDG_CACHE_HOME/quasar or ~/.cache/quasar)
QUASAR_LIBTORCH_DIR  folder `torch` of a LibTorch 2.11 wheel  (downloaded into QUASAR_CACHE)
QUASAR_DATA          folder with the data sets                (looked for, see README.md)
HELP
  exit
fi

source cmake/setup.sh
set_up
phase "Configuring" cmake --preset cpu
phase "Building quasar ($jobs jobs)" cmake --build --preset cpu --target quasar
echo "== quasar compare experiments/side_by_side.toml $*"
exec build/cpu/experiments/quasar compare experiments/side_by_side.toml "$@"
