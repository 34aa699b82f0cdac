#!/usr/bin/env bash
# Every test, under one ctest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

trees=(cpu asan tsan)
labels=(--label-exclude '^long$')
for argument in "$@"; do
  case $argument in
    --quick) trees=(cpu) ;;
    --all) labels=() ;;
    --help | -h)
      cat <<'HELP'
usage: ./check.sh [--quick] [--all]

Sets up what is missing, builds three trees (cpu: Release, with LibTorch and, where nvcc is found, our CUDA kernels;
asan: address and undefined-behaviour sanitizers; tsan: thread sanitizer) and runs all their tests, Python's and
clang-format's included, under one ctest. Some 35 minutes from nothing on 2 cores.

--quick  the cpu tree only
--all    the tests labelled `long` too
HELP
      exit ;;
    *) echo "check.sh: unknown argument '$argument' (--quick, --all or --help)" >&2; exit 2 ;;
  esac
done

source cmake/setup.sh
set_up clang-format-14 librandom123-dev strace
for tree in "${trees[@]}"; do
  phase "Configuring $tree" cmake --preset "$tree"
  phase "Building $tree ($jobs jobs)" cmake --build --preset "$tree"
done

# A project of nothing but the trees' tests, so that one ctest runs and counts them all.
mkdir -p build/check
printf 'subdirs("%s")\n' "${trees[@]/#/$PWD/build/}" >build/check/CTestTestfile.cmake

in_tree() { if grep -q "^$1:INTERNAL=ON$" build/cpu/CMakeCache.txt; then echo yes; else echo "NO, its tests are not built"; fi; }
say "LibTorch: $(in_tree QUASAR_HAVE_TORCH) | CUDA kernels compiled: $(in_tree QUASAR_HAVE_CUDA) | Python: ${QUASAR_PYTHON:-NO, its tests are skipped}"
echo "== Testing ${trees[*]}"
exec ctest --test-dir build/check --output-on-failure --no-tests=error "${labels[@]}"
