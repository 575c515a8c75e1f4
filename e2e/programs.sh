#!/usr/bin/env bash
# Builds the programs as they are shipped: release, static musl, stripped. Prints the folder they are in.
set -euo pipefail
cd "$(dirname "$0")/.."
target=x86_64-unknown-linux-musl
# The allocator takes memory from the system page by page instead of a whole arena at once: an idle member
# needs half as much. (mimalloc has no other way to set this at build time.)
export CFLAGS_x86_64_unknown_linux_musl="${CFLAGS_x86_64_unknown_linux_musl:-} -DMI_DEFAULT_ARENA_EAGER_COMMIT=0"
# What `version` shows. From an archive without git it says unknown.
KAPACITOR_GIT_BRANCH=$(git rev-parse --abbrev-ref HEAD 2>/dev/null || echo unknown)
KAPACITOR_GIT_COMMIT=$(git rev-parse HEAD 2>/dev/null || echo unknown)
export KAPACITOR_GIT_BRANCH KAPACITOR_GIT_COMMIT
cargo build --quiet --release --target $target -p kapacitord -p cli -p sim -p kapacitor-operator
echo "target/$target/release"
