#!/usr/bin/env bash
# Installs what building and testing needs, and the packages named, and only what is missing. Prints nothing when all is there.
set -euo pipefail
cd "$(dirname "$0")/.."
packages=(influxdb prometheus nftables musl-tools gcc libc6-dev python3 python3-venv iproute2 curl jq bc "$@")
missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    echo "installing ${missing[*]}"
    as=(); [ "$(id -u)" = 0 ] || as=(sudo)
    "${as[@]}" apt-get -qq update
    "${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "${missing[@]}" >/dev/null
fi
# rust-toolchain.toml names the toolchain, its components and targets; this makes rustup fetch them.
command -v rustup >/dev/null && rustup show active-toolchain >/dev/null 2>&1 || true
if command -v rustup >/dev/null && ! rustup target list --installed | grep -q x86_64-unknown-linux-musl; then
    rustup target add x86_64-unknown-linux-musl
fi
