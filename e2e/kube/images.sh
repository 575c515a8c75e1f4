#!/bin/bash
# Images for the tests, straight into containerd: ours from the release programs, influxd as Debian ships it.
#   images.sh PROGRAMS [PROGRAM...]    folder of the release programs; further programs of Debian, such as prometheus
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
debian() { # PROGRAM: with the libraries that it was linked to
    local program libraries
    program=$(command -v "$1")
    libraries=$(ldd "$program" | grep -oE '/[^ ]+' | sort -u | sed 's|.*|&=&|')
    # shellcheck disable=SC2086
    load "localhost/$1:e2e" 65532:65532 "/usr/bin/$1" "$program=/usr/bin/$1" $libraries
}
for program in influxd "${@:2}"; do debian "$program"; done
