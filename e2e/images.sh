#!/usr/bin/env bash
# Images of the release programs as OCI archives, each with a list of what is in it (SBOM, CycloneDX).
#   images.sh PROGRAMS OUT    folder of the static release programs; folder to write to
# Built by buildah, podman or docker, whichever works; where none does, by e2e/kube/images/mkimage.py.
# BUILDER=mkimage (or one of the others) chooses; REGISTRY=… puts something else than `kapacitor` before the names.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
programs=$(cd "$1" && pwd) out=$2
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -1)
revision=$(git -C "$root" rev-parse HEAD 2>/dev/null || echo unknown)
mkdir -p "$out"

works() { # PROGRAM: it is there and can list images
    command -v "$1" >/dev/null && timeout 20 "$1" images >/dev/null 2>&1
}
builder=${BUILDER-}
for b in buildah podman docker; do [ -n "$builder" ] || ! works $b || builder=$b; done
builder=${builder:-mkimage}

# build NAME CONTAINERFILE PACKAGES...
build() {
    local name=${REGISTRY:-kapacitor}/$1:$version file=$root/$2 archive=$out/$1-$version.tar
    local labels=(--label "org.opencontainers.image.version=$version" --label "org.opencontainers.image.revision=$revision")
    rm -f "$archive"
    case $builder in
    buildah) buildah build --quiet "${labels[@]}" -f "$file" -t "$name" "$programs" >/dev/null && buildah push --quiet "$name" "oci-archive:$archive:$name" ;;
    podman) podman build --quiet "${labels[@]}" -f "$file" -t "$name" "$programs" >/dev/null && podman save --quiet --format oci-archive -o "$archive" "$name" ;;
    docker) docker build --quiet "${labels[@]}" -f "$file" -t "$name" "$programs" >/dev/null && docker save -o "$archive" "$name" ;;
    mkimage) python3 "$root/e2e/kube/images/mkimage.py" "$archive" "$name" --containerfile "$file" --context "$programs" --gzip "${labels[@]}" ;;
    *) echo "BUILDER=$builder is not known" >&2; exit 1 ;;
    esac
    python3 "$root/e2e/sbom.py" "$1" "$version" "${@:3}" >"$out/$1-$version.cdx.json"
    echo "$archive: $name, $(($(stat -c %s "$archive") / 1000000)) MB, built by $builder"
}
build kapacitord daemon/Containerfile kapacitord cli
build kapacitor-operator operator/Containerfile kapacitor-operator
