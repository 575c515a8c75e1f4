#!/usr/bin/env bash
# The tables of docs/benchmarks.md: instructions per point (repeatable), rates and memory (as good as this machine), alerts
# through a cluster, handlers that misbehave, takeovers, throughput, and the same alerts to Alertmanager beside us. A quarter of
# an hour; QUICK=1: without valgrind and Alertmanager, shorter. Fails when a floor is missed.
#
# e2e/bench/bench.sh PROGRAMS [WORK,WORK...]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
programs=$(realpath "${1:?give the directory of the release programs}")
work=${2:-none,where,window,changes,every}
seconds=60
instructions=
mkdir -p "$here/../../target/bench"         # a real disk: /tmp may be memory
data=$(cd "$here/../../target/bench" && pwd)
measure() { "$here/measure.py" --kapacitord "$programs/kapacitord" --data "$data" "$@"; }

rates=$(measure --work "$work")
if [ -n "${QUICK:-}" ]; then
    seconds=10
else
    command -v valgrind >/dev/null || {
        echo "valgrind counts the instructions: apt-get install valgrind" >&2
        exit 1
    }
    instructions=$(measure --work "$work" --instructions)
fi
echo '| work | tasks | k instructions/point | k points/s, 2 connections | CPU µs/point | RSS, peak MB |'
echo '|---|---|---|---|---|---|'
# measure.py: `work xN RATE points/s CPU us CPU/point RSS MB, peak PEAK MB` and `work xN K k instructions/point`
awk 'NR == FNR { if (NF) k[$1 $2] = $3; next }
     { n = k[$1 $2]; sub("x", "", $2)
       printf "| %s | %s | %s | %.0f | %s | %s, %s |\n", $1, $1 == "none" ? "–" : $2, n == "" ? "–" : n, $3 / 1000, $5, $8, $11 }' \
    <(echo "$instructions") <(echo "$rates")

missed=0
echo
# In memory: the floor is for the members, not for the disk of a shared machine.
"$here/latency.py" --programs "$programs" --members 1,3 --seconds "$seconds" --data /dev/shm || missed=1
echo
"$here/isolation.py" --programs "$programs" --data "$data" || missed=1
echo
"$here/takeover.py" --programs "$programs" --data /dev/shm || missed=1
echo
"$here/throughput.py" --programs "$programs" --data /dev/shm || missed=1
if [ -z "${QUICK:-}" ]; then
    echo
    "$here/peers.py" --programs "$programs" --data /dev/shm || missed=1
fi
exit $missed
