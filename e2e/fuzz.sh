#!/usr/bin/env bash
# Runs each fuzz target of daemon/fuzz for some seconds; a finding is left in target/fuzz/found and fails.
#
# e2e/fuzz.sh [SECONDS [TARGET…]]
set -uo pipefail
cd "$(dirname "$0")/.."
time=${1:-600}
[ $# -eq 0 ] || shift
home=$PWD/target/fuzz
command -v cargo-fuzz >/dev/null || cargo install --quiet --locked cargo-fuzz || exit 1
[ $# -gt 0 ] || mapfile -t targets < <(cargo fuzz list --fuzz-dir daemon/fuzz)
[ $# -eq 0 ] || targets=("$@")
failed=0
for target in "${targets[@]}"; do
    mkdir -p "$home/corpus/$target" "$home/found"
    # Without a sanitizer, which would need a nightly compiler: what is looked for are panics, hangs and memory.
    if cargo fuzz run --fuzz-dir daemon/fuzz --target-dir "$home/target" --sanitizer none "$target" "$home/corpus/$target" -- \
        -max_total_time="$time" -max_len=65536 -timeout=10 -rss_limit_mb=1024 -artifact_prefix="$home/found/$target-" >"$home/$target.log" 2>&1; then
        printf '%-10s ok      %s\n' "$target" "$(grep -oE 'Done [0-9]+ runs.*' "$home/$target.log")"
    else
        failed=$((failed + 1))
        printf '%-10s FAILED  %s\n' "$target" "$(grep -m1 -E 'panicked|ERROR|error' "$home/$target.log")"
    fi
done
[ "$failed" = 0 ]
