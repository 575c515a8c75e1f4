#!/usr/bin/env bash
# The table of docs/benchmarks.md: instructions per point (repeatable), then rates and memory (as good as this machine).
#
# e2e/bench/bench.sh PROGRAMS [WORK,WORK...]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
programs=${1:?give the directory of the release programs}
work=${2:-none,where,window,changes,every}
command -v valgrind >/dev/null || {
    echo "valgrind counts the instructions: apt-get install valgrind" >&2
    exit 1
}
mkdir -p "$here/../../target/bench"         # a real disk: /tmp may be memory
data=$(cd "$here/../../target/bench" && pwd)
printf 'instructions\n'
"$here/measure.py" --kapacitord "$programs/kapacitord" --work "$work" --instructions --data "$data"
printf '\nrates\n'
"$here/measure.py" --kapacitord "$programs/kapacitord" --work "$work" --data "$data"
