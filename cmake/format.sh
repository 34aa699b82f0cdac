#!/usr/bin/env bash
# Checks that our C++ and CUDA files are as clang-format 14 writes them; --fix rewrites those that are not.
# Exit 77 (a skipped test) where clang-format 14 is not installed: other versions format differently.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tool=
for candidate in clang-format-14 clang-format; do
  if [[ $($candidate --version 2>/dev/null) == *"version 14."* ]]; then tool=$candidate; break; fi
done
if [[ -z $tool ]]; then echo "skipped: clang-format 14 is not installed (apt-get install clang-format-14)"; exit 77; fi

patterns=('*.h' '*.cpp' '*.cu' '*.cuh')
if git rev-parse --git-dir >/dev/null 2>&1; then
  # New files count before they are added, deleted ones no longer.
  mapfile -t files < <(git ls-files --cached --others --exclude-standard -- "${patterns[@]}" | sort -u |
    while IFS= read -r file; do if [[ -f $file ]]; then echo "$file"; fi; done)
else
  mapfile -t files < <(find . -path ./build -prune -o -type f \
    \( -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh' \) -print | sort)
fi
if [[ ${#files[@]} -eq 0 ]]; then echo "no source files found"; exit 1; fi

if [[ ${1:-} == --fix ]]; then
  "$tool" -i "${files[@]}"
elif ! "$tool" --dry-run -Werror "${files[@]}"; then
  echo "run cmake/format.sh --fix"
  exit 1
fi
echo "${#files[@]} files formatted by $tool"
