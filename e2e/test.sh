#!/usr/bin/env bash
# Every test, from pure to real. Each tier prints its heading, its time and its own counts; the last line sums them up.
# A failing tier does not hide the others. With CI=true a skipped test is a failure (the tests see to that themselves).
set -uo pipefail
cd "$(dirname "$0")/.."
passed=0 failed=0 log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT

# tier NAME COMMAND…: runs it, shows its output, adds up what its test runners counted (else one for the tier).
tier() {
    local name=$1 out="$log/out" began=$SECONDS p f status
    shift
    printf '\n== %s\n' "$name"
    "$@" 2>&1 | tee "$out"
    status=${PIPESTATUS[0]}
    # "test result: ok. 12 passed; 0 failed; …" of cargo, "12 passed, 0 failed" of our own runners.
    p=$(grep -oE '(^| )[0-9]+ passed' "$out" | grep -oE '[0-9]+' | paste -sd+ | bc)
    f=$(grep -oE '[0-9]+ failed' "$out" | grep -oE '[0-9]+' | paste -sd+ | bc)
    p=${p:-0} f=${f:-0}
    [ "$status" = 0 ] && [ "$p" = 0 ] && p=1
    [ "$status" != 0 ] && [ "$f" = 0 ] && f=1
    passed=$((passed + p)) failed=$((failed + f))
    printf -- '-- %s: %s, %s passed, %s failed, %d s\n' "$name" "$([ "$status" = 0 ] && echo ok || echo FAILED)" "$p" "$f" $((SECONDS - began))
    return "$status"
}

# The Kubernetes programs take some minutes of Go's compiler the first time, the checkers of charts two of
# downloading: begin in the background.
{ nice -n 15 e2e/kube/build.sh helm && nice -n 15 e2e/checkers.sh; } >"$log/kube-build" 2>&1 &
kube_build=$!

tier "format" cargo fmt --all --check
tier "lints" cargo clippy --quiet --workspace --all-targets -- -D warnings
tier "pure, simulated, in one process" cargo test --quiet --workspace --exclude e2e
if tier "programs as shipped" e2e/programs.sh; then
    programs=$PWD/target/x86_64-unknown-linux-musl/release
    # Tests of faults need the fault points of a debug build.
    tier "a build with fault points" cargo build --quiet -p kapacitord
    tier "processes, a real InfluxDB, recorded cases" env KAPACITOR_PROGRAMS="$programs" cargo test --quiet -p e2e --lib --test it
    tier "processes under load, one test at a time" env KAPACITOR_PROGRAMS="$programs" cargo test --quiet -p e2e --test it -- --ignored --test-threads 1
    tier "demo" e2e/demo/demo.py --programs "$programs"
    tier "demo with InfluxDB" e2e/demo/demo.py --programs "$programs" --influx
    # Waited for here: a tier runs in a subshell, whose child the build is not.
    if wait "$kube_build"; then
        tier "charts, alerts, images" env KAPACITOR_PROGRAMS="$programs" cargo test --quiet -p e2e --test charts
        tier "a real Kubernetes" e2e/kube/smoke.sh "$programs"
    else tier "a real Kubernetes" bash -c "cat '$log/kube-build'; echo the Kubernetes programs or the checkers of charts could not be built; exit 1"; fi
fi
wait
printf '\nall tiers in %d s\n%d passed, %d failed\n' "$SECONDS" "$passed" "$failed"
[ "$failed" = 0 ]
