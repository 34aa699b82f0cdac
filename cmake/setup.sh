# shellcheck shell=bash
# Sourced by quickstart.sh and check.sh: sets up what is missing on a Debian 12 machine, saying what it does.
#   set_up [package ...]   apt packages (those given on top of the usual ones), Python environment, LibTorch
#   phase TITLE command    runs a command between its title and the time it took
# Everything downloaded lies in $QUASAR_CACHE. Without network the build goes on without what could not be had.

readonly torch_version=2.11.0
readonly torch_wheels=("torch==$torch_version" nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85)
readonly build_packages=(g++ cmake ninja-build ccache git ca-certificates python3 python3-venv python3-pip libeigen3-dev
  libboost-dev libtomlplusplus-dev libcli11-dev nlohmann-json3-dev libssl-dev libgtest-dev libgmock-dev libgloo-dev
  libjxl-tools xz-utils libjpeg62-turbo-dev libarchive-dev)

export QUASAR_CACHE=${QUASAR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/quasar}

say() { echo "-- $*"; }

phase() {
  local title=$1 start=$SECONDS status=0
  shift
  echo "== $title"
  "$@" || status=$?
  if [[ $status -ne 0 ]]; then echo "== $title: failed after $((SECONDS - start)) s" >&2; return $status; fi
  echo "== $title: $((SECONDS - start)) s"
}

set_up() {
  phase "System packages" install_packages "$@" || exit $?
  mkdir -p "$QUASAR_CACHE"
  # One set-up at a time; the next one finds everything in place.
  exec 9>"$QUASAR_CACHE/.lock"
  flock -n 9 || { say "waiting for another set-up to end"; flock 9; }
  rm -rf "$QUASAR_CACHE"/.partial-*
  phase "Python environment" set_up_python
  phase "LibTorch" set_up_libtorch
  exec 9>&-
  local cores memory_jobs
  cores=$(nproc)
  # A file that includes torch/torch.h takes up to 2 GB to compile.
  memory_jobs=$(awk '/^MemAvailable/ {print int($2 / 2e6)}' /proc/meminfo)
  jobs=$((memory_jobs < 1 ? 1 : memory_jobs < cores ? memory_jobs : cores))
  export CMAKE_BUILD_PARALLEL_LEVEL=$jobs CTEST_PARALLEL_LEVEL=$cores
}

install_packages() {
  if ! command -v dpkg-query >/dev/null; then
    say "not a Debian machine; needed are the equivalents of: ${build_packages[*]} $*"
    return
  fi
  local missing=() package as_root=()
  for package in "${build_packages[@]}" "$@"; do
    if [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) != installed ]]; then missing+=("$package"); fi
  done
  if [[ ${#missing[@]} -eq 0 ]]; then say "all there"; return; fi
  if [[ $EUID -ne 0 ]]; then
    if ! sudo -n true 2>/dev/null; then
      echo "missing system packages (this user may not install them); run: sudo apt-get install -y ${missing[*]}" >&2
      return 2
    fi
    as_root=(sudo -n)
  fi
  say "installing ${missing[*]}"
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0)
  # A list that could not be renewed may still do.
  "${apt[@]}" update || say "apt-get update failed; trying with the lists that are there"
  if ! "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null; then
    echo "apt-get could not install: ${missing[*]}" >&2
    return 2
  fi
}

# Sets QUASAR_PYTHON to an environment with the packages of notebooks/requirements.txt, where it can be had.
set_up_python() {
  unset QUASAR_PYTHON
  local requirements=notebooks/requirements.txt hash venv
  if [[ ! -f $requirements ]]; then say "no $requirements; going on without figures"; return; fi
  hash=$({ python3 --version; cat $requirements; } | sha256sum | cut -c1-12)
  venv=$QUASAR_CACHE/venv-$hash
  # A virtual environment holds its own path, so it is made in place and marked when whole.
  if [[ -f $venv/complete ]] && "$venv/bin/python" -c '' 2>/dev/null; then
    say "in $venv"
  else
    say "installing $requirements into $venv"
    rm -rf "$venv"
    if ! { python3 -m venv "$venv" && "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
      --progress-bar off --only-binary :all: -r $requirements && touch "$venv/complete"; } >"$QUASAR_CACHE/venv.log" 2>&1; then
      rm -rf "$venv"
      say "could not be made, going on without figures and Python tests ($(reason "$QUASAR_CACHE/venv.log"))"
      return
    fi
  fi
  export QUASAR_PYTHON=$venv/bin/python
}

# The wheel of Python 3.11 whatever python3 is: only its C++ libraries and headers are used.
set_up_libtorch() {
  local folder=$QUASAR_CACHE/libtorch-$torch_version partial=$QUASAR_CACHE/.partial-libtorch
  if [[ -n ${QUASAR_LIBTORCH_DIR:-} ]]; then say "as QUASAR_LIBTORCH_DIR says, $QUASAR_LIBTORCH_DIR"; return; fi
  if [[ -d $folder ]]; then say "$torch_version in $folder"; return; fi
  if [[ $(uname -m) != x86_64 ]]; then say "fetched for x86-64 only; going on without"; return; fi
  local needed_kb=3000000 free_kb
  free_kb=$(df -Pk "$QUASAR_CACHE" | awk 'NR == 2 {print $4}')
  if [[ $free_kb -lt $needed_kb ]]; then
    say "needs 3 GB in $QUASAR_CACHE, $((free_kb / 1000)) MB are free; going on without"
    return
  fi
  say "downloading LibTorch $torch_version (530 MB) into $folder"
  mkdir -p "$partial/tmp"
  # TMPDIR: pip unpacks there first, and /tmp may be small.
  if TMPDIR=$partial/tmp "${QUASAR_PYTHON:-python3}" -m pip install --quiet --disable-pip-version-check --no-cache-dir \
    --progress-bar off --no-deps --no-compile --only-binary :all: --implementation cp --python-version 3.11 --abi cp311 \
    --platform manylinux_2_28_x86_64 --platform manylinux_2_25_x86_64 --platform manylinux_2_17_x86_64 \
    --platform manylinux2014_x86_64 --target "$partial/root" "${torch_wheels[@]}" >"$QUASAR_CACHE/libtorch.log" 2>&1; then
    mv "$partial/root" "$folder"
  else
    say "could not be fetched, going on without ($(reason "$QUASAR_CACHE/libtorch.log"))"
  fi
  rm -rf "$partial"
}

reason() { echo "$(tail -n 1 "$1" | cut -c1-150); see $1"; }
