#!/usr/bin/env bash
# Installs what checks rendered charts, from PyPI, into target/checkers; does nothing when it is there.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=target/checkers wanted=(kubernetes-validate==1.37.0 checkov==3.3.30)
[ "$(cat $folder/installed 2>/dev/null)" != "${wanted[*]}" ] || exit 0
python3 -m venv --clear $folder
$folder/bin/pip install --quiet --disable-pip-version-check "${wanted[@]}"
echo "${wanted[*]}" >$folder/installed
