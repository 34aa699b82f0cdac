#!/usr/bin/env bash
# Runs pytest in the pinned environment; 77 (skipped, with the reason) where there is none.
set -euo pipefail
if [ -z "${QUASAR_PYTHON:-}" ]; then
  echo "skipped: QUASAR_PYTHON is not set (./check.sh makes the pinned environment and sets it)"
  exit 77
fi
exec "$QUASAR_PYTHON" -m pytest -q -p no:cacheprovider "$@"
