#!/usr/bin/env bash
# train.sbatch or toy.sbatch with stand-ins for srun and scontrol: exit code 75 requeues the job, of an array its own task,
# which is a shard; every other code is passed on.
set -euo pipefail
script=$1
case ${script##*/} in
  train.sbatch)
    slurm=(SLURM_JOB_ID=4711)
    started='srun --kill-on-bad-exit=0 ./quasar train my config.toml steps=3'
    job=4711 options=()
    ;;
  toy.sbatch)
    slurm=(SLURM_ARRAY_JOB_ID=4711 SLURM_ARRAY_TASK_ID=2 SLURM_ARRAY_TASK_COUNT=8 SLURM_CPUS_PER_TASK=16)
    started='srun ./quasar toy my config.toml steps=3 ensemble.threads=16 --shard 2/8'
    job=4711_2 options=(--array=0-7)
    ;;
esac
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat >"$folder/srun" <<'FAKE'
#!/usr/bin/env bash
echo "srun $*" >>"$CALLS"
exit "$FAKE_CODE"
FAKE
cat >"$folder/scontrol" <<'FAKE'
#!/usr/bin/env bash
echo "scontrol $*" >>"$CALLS"
exit "${FAKE_SCONTROL_CODE:-0}"
FAKE
chmod +x "$folder/srun" "$folder/scontrol"

failures=0
check() { # name expected actual
  if [[ "$2" != "$3" ]]; then
    printf '%s: expected\n%s\nbut got\n%s\n' "$1" "$2" "$3" >&2
    failures=1
  fi
}
run() { # FAKE_CODE words...
  : >"$folder/calls"
  local code=0 fake=$1
  shift
  env PATH="$folder:$PATH" CALLS="$folder/calls" FAKE_CODE="$fake" "${slurm[@]}" QUASAR=./quasar \
    bash "$script" "$@" >"$folder/out" 2>&1 || code=$?
  echo "$code"
}

check "done" 0 "$(run 0 'my config.toml' steps=3)"
check "done starts one step and no more" "$started" "$(cat "$folder/calls")"
check "75" 0 "$(run 75 'my config.toml' steps=3)"
check "75 requeues" "$started"$'\n'"scontrol requeue $job" "$(cat "$folder/calls")"
for code in 2 5 6 137; do
  check "code $code" "$code" "$(run "$code" 'my config.toml' steps=3)"
  check "code $code does not requeue" "$started" "$(cat "$folder/calls")"
done
check "a refused requeue is no success" 75 "$(FAKE_SCONTROL_CODE=1 run 75 x)"
for option in --signal=USR1@120 --requeue --open-mode=append "${options[@]}"; do
  grep -q "^#SBATCH $option\$" "$script" || check "$option" "in $script" "missing"
done
exit $failures
