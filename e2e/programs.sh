#!/usr/bin/env bash
# Builds the programs as they are shipped: release, static musl, stripped. Prints the folder they are in.
#   programs.sh [amd64|arm64]    default: amd64; arm64 is cross-built
set -euo pipefail
cd "$(dirname "$0")/.."
packages=(-p kapacitord -p cli -p kapacitor-operator)
# The allocator takes memory from the system page by page instead of a whole arena at once: an idle member
# needs half as much. (mimalloc has no other way to set this at build time.)
flags=-DMI_DEFAULT_ARENA_EAGER_COMMIT=0
case ${1:-amd64} in
amd64)
    target=x86_64-unknown-linux-musl packages+=(-p sim)
    export CFLAGS_x86_64_unknown_linux_musl="${CFLAGS_x86_64_unknown_linux_musl:-} $flags"
    ;;
arm64)
    target=aarch64-unknown-linux-musl
    CC_aarch64_unknown_linux_musl=$(e2e/cross.sh)
    export CC_aarch64_unknown_linux_musl CFLAGS_aarch64_unknown_linux_musl="${CFLAGS_aarch64_unknown_linux_musl:-} $flags"
    # Rust brings the linker and the C library.
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_RUSTFLAGS="-Clinker=rust-lld -Clink-self-contained=yes"
    ;;
*) echo "$1 is neither amd64 nor arm64" >&2; exit 1 ;;
esac
# What `version` shows. From an archive without git it says unknown.
KAPACITOR_GIT_BRANCH=$(git rev-parse --abbrev-ref HEAD 2>/dev/null || echo unknown)
KAPACITOR_GIT_COMMIT=$(git rev-parse HEAD 2>/dev/null || echo unknown)
export KAPACITOR_GIT_BRANCH KAPACITOR_GIT_COMMIT
cargo build --quiet --release --target $target "${packages[@]}"
echo "target/$target/release"
