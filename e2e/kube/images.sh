#!/bin/bash
# Images for the tests, straight into containerd: ours from the release programs, influxd as Debian ships it.
#   images.sh PROGRAMS
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
programs=$1 work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
load() { # NAME USER ENTRYPOINT FILES...
    python3 "$here/images/mkimage.py" "$work/image.tar" "$1" --user "$2" --entrypoint "$3" "${@:4}"
    ctr -a "$RUN/containerd.sock" -n k8s.io images import "$work/image.tar" >/dev/null
}
for image in kapacitord:daemon kapacitor-operator:operator; do
    python3 "$here/images/mkimage.py" "$work/image.tar" "localhost/${image%:*}:e2e" \
        --containerfile "$here/../../${image#*:}/Containerfile" --context "$programs"
    ctr -a "$RUN/containerd.sock" -n k8s.io images import "$work/image.tar" >/dev/null
done
# The members' image under another name, for changes of image.
ctr -a "$RUN/containerd.sock" -n k8s.io images tag --force localhost/kapacitord:e2e localhost/kapacitord:other >/dev/null
# With the libraries that it was linked to.
libraries=$(ldd "$(command -v influxd)" | grep -oE '/[^ ]+' | sort -u | sed 's|.*|&=&|')
# shellcheck disable=SC2086
load localhost/influxd:e2e 65532:65532 /usr/bin/influxd "$(command -v influxd)=/usr/bin/influxd" $libraries
