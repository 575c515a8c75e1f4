#!/usr/bin/env bash
# Programs for arm64 as if they were for this machine: prints a folder with a script of each program's name, which
# starts it under qemu.
#   emulated.sh PROGRAMS
set -euo pipefail
programs=$(cd "$1" && pwd)
mkdir -p "$programs/emulated"
for program in kapacitord kapacitorctl kapacitor kapacitor-operator; do
    printf '#!/bin/sh\nexec qemu-aarch64-static %q "$@"\n' "$programs/$program" >"$programs/emulated/$program"
    chmod +x "$programs/emulated/$program"
done
echo "$programs/emulated"
