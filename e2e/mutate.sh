#!/usr/bin/env bash
# Faults on purpose: each patch of daemon/sim/mutations and operator/mutations is applied to a copy of the project, and the seeds
# of its random worlds must catch it. Prints the seed that did; a mutation that survives, or does not build, fails.
# The first line of a patch says what it breaks, the second how it is looked for:
#   worlds SEEDS        the operator's random worlds
#   simulate ARGUMENTS  the members' simulated world
#
# e2e/mutate.sh [PATCH…]
set -uo pipefail
cd "$(dirname "$0")/.."
root=$PWD tree=$root/target/mutants/tree log=$root/target/mutants/log
export CARGO_TARGET_DIR=$root/target/mutants/target
[ $# -gt 0 ] || set -- daemon/sim/mutations/*.patch operator/mutations/*.patch
command -v patch >/dev/null || { echo "patch applies the mutations: apt-get install patch" >&2; exit 1; }
mkdir -p "$tree"
# Times are kept, so that only what differs is built again.
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents --preserve=timestamps --update -t "$tree"
cd "$tree" || exit 1
caught=0 survived=0
# What caught a mutation, to be run on the project as it is: a seed that fails there too has caught nothing.
declare -A catches=()

# build KIND: what is looked with.
build() {
    case $1 in
        worlds) cargo test --quiet --package kapacitor-operator --lib --no-run ;;
        simulate) cargo build --quiet --package sim --bin simulate ;;
    esac
}

# look KIND ARGUMENTS…: fails when a seed fails.
look() {
    local kind=$1
    shift
    case $kind in
        worlds) OPERATOR_SEEDS=$1 cargo test --quiet --package kapacitor-operator --lib world ;;
        simulate) "$CARGO_TARGET_DIR/debug/simulate" "$@" --first ;;
    esac
}

# restore PATCH…: puts the files that patches change back as they are in the project.
restore() {
    git -C "$root" apply --numstat "$@" | cut -f3 | sort -u | while read -r file; do
        cmp -s "$root/$file" "$tree/$file" || cp "$root/$file" "$tree/$file"
    done
}

# What an interrupted run left broken.
(cd "$root" && restore daemon/sim/mutations/*.patch operator/mutations/*.patch)

for patch in "$@"; do
    patch=$(realpath --relative-to="$root" "$root/$patch")
    name=$(basename "$patch" .patch)
    read -ra how < <(sed -n 2p "$root/$patch")
    began=$SECONDS verdict=
    if ! patch --quiet --strip=1 --fuzz=0 <"$root/$patch" >"$log" 2>&1; then
        verdict="DOES NOT APPLY: $(head -1 "$log")"
    elif ! build "${how[0]}" >"$log" 2>&1; then
        verdict="DOES NOT BUILD: $(grep -m1 '^error' "$log")"
    elif look "${how[@]}" >"$log" 2>&1; then
        verdict="SURVIVED ${how[*]}"
    else
        seed=$(grep -oE 'seed [0-9]+.*' "$log" | tail -1)
        [ -n "$seed" ] || verdict="NO SEED: $(tail -1 "$log")"
    fi
    restore "$patch"
    if [ -n "$verdict" ]; then
        survived=$((survived + 1))
        printf '%-28s %s\n' "$name" "$verdict"
    else
        caught=$((caught + 1))
        number=$(grep -oE '[0-9]+' <<<"$seed" | head -1)
        case ${how[0]} in
            worlds) catches[$name]="worlds $number..$((number + 1))" ;;
            simulate) catches[$name]="$(sed -E "s/--seeds [0-9.]+/--seeds $number/" <<<"${how[*]}")" ;;
        esac
        printf '%-28s %4d s  %s\n' "$name" $((SECONDS - began)) "${seed:0:150}"
    fi
done
for name in "${!catches[@]}"; do
    read -ra how <<<"${catches[$name]}"
    if ! { build "${how[0]}" && look "${how[@]}"; } >"$log" 2>&1; then
        caught=$((caught - 1)) survived=$((survived + 1))
        printf '%-28s CATCHES NOTHING: the project as it is fails, too: %s\n' "$name" "${how[*]}"
    fi
done
echo "$caught mutations caught, $survived not"
[ "$survived" = 0 ]
