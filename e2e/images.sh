#!/usr/bin/env bash
# Images of the release programs as OCI archives, each with a list of what is in it (SBOM, CycloneDX).
#   images.sh PROGRAMS OUT [ARCH]    folder of the static release programs; folder to write to; amd64 (default) or arm64
# Built by buildah, podman or docker, whichever works; where none does, by e2e/kube/images/mkimage.py.
# BUILDER=mkimage (or one of the others) chooses; REGISTRY=… puts something else than `kapacitor` before the names.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
programs=$(cd "$1" && pwd) out=$2 arch=${3:-amd64}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -1)
revision=$(git -C "$root" rev-parse HEAD 2>/dev/null || echo unknown)
mkdir -p "$out"
# The machine that a program is for stands in its ELF header; an image with the wrong ones would only fail where it runs.
declare -A machines=([amd64]=62 [arm64]=183)
for program in kapacitord kapacitorctl kapacitor kapacitor-operator; do
    machine=$(od -An -tu2 -j18 -N2 "$programs/$program" | tr -d ' ')
    [ "$machine" = "${machines[$arch]:-none}" ] || { echo "$programs/$program is not for $arch" >&2; exit 1; }
done

works() { # PROGRAM: it is there and can list images
    command -v "$1" >/dev/null && timeout 20 "$1" images >/dev/null 2>&1
}
builder=${BUILDER-}
for b in buildah podman docker; do [ -n "$builder" ] || ! works $b || builder=$b; done
builder=${builder:-mkimage}

# build NAME CONTAINERFILE PACKAGES...
build() {
    local name=${REGISTRY:-kapacitor}/$1:$version file=$root/$2 archive=$out/$1-$version-$arch.tar
    local labels=(--label "org.opencontainers.image.version=$version" --label "org.opencontainers.image.revision=$revision")
    rm -f "$archive"
    case $builder in
    buildah) buildah build --quiet --arch "$arch" "${labels[@]}" -f "$file" -t "$name" "$programs" >/dev/null && buildah push --quiet "$name" "oci-archive:$archive:$name" ;;
    podman) podman build --quiet --arch "$arch" "${labels[@]}" -f "$file" -t "$name" "$programs" >/dev/null && podman save --quiet --format oci-archive -o "$archive" "$name" ;;
    docker) docker build --quiet --platform "linux/$arch" "${labels[@]}" -f "$file" -t "$name" "$programs" >/dev/null && docker save -o "$archive" "$name" ;;
    mkimage) python3 "$root/e2e/kube/images/mkimage.py" "$archive" "$name" --containerfile "$file" --context "$programs" --arch "$arch" --gzip "${labels[@]}" ;;
    *) echo "BUILDER=$builder is not known" >&2; exit 1 ;;
    esac
    python3 "$root/e2e/sbom.py" "$1" "$version" "$arch" "${@:3}" >"$out/$1-$version-$arch.cdx.json"
    echo "$archive: $name, $(($(stat -c %s "$archive") / 1000000)) MB, built by $builder"
}
build kapacitord daemon/Containerfile kapacitord cli
build kapacitor-operator operator/Containerfile kapacitor-operator
