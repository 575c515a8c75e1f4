#!/bin/bash
# The scenarios of e2e/tests/kube on a real Kubernetes of one node.
#   run.sh PROGRAMS [FILTER...]    folder of the static release programs; names of tests (default: all)
# Installs the operator that watches all namespaces, runs `shared`, uninstalls it, runs `own`.
# KUBE_KEEP=1 leaves the Kubernetes up. Needs root.
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
root=$(cd "$here/../.." && pwd)
programs=$(cd "$1" && pwd) || exit 1; shift
export KUBECONFIG=$KUBE_DIR/admin.conf PATH=$KUBE_BIN:$PATH
system=kapacitor-system
bash "$here/build.sh" helm >/dev/null && bash "$here/up.sh" || exit 1
[ -n "${KUBE_KEEP-}" ] || trap 'bash "$here/down.sh" >/dev/null' EXIT
bash "$here/images.sh" "$programs" prometheus || exit 1
kubectl create namespace $system --dry-run=client -o yaml | kubectl apply -f - >/dev/null &&
    kubectl label --overwrite namespace $system pod-security.kubernetes.io/{enforce,warn}=restricted >/dev/null || exit 1
install() {
    helm upgrade --install kapacitor-operator "$root/charts/kapacitor-operator" -n $system --wait --timeout 120s \
        --set image.repository=localhost/kapacitor-operator --set image.tag=e2e \
        --set memberImage.repository=localhost/kapacitord --set memberImage.tag=e2e >/dev/null
}
scenarios() { (cd "$root" && cargo test --quiet -p e2e --test kube -- --test-threads="${KUBE_TESTS_AT_ONCE:-4}" "$@"); }
status=0
if [ $# -gt 0 ]; then shared=() own=(); for f in "$@"; do case $f in own::*) own+=("$f");; *) shared+=("$f");; esac; done
else shared=(shared::) own=(own::); fi
if [ ${#shared[@]} -gt 0 ]; then
    install && scenarios "${shared[@]}" || status=1
fi
if [ ${#own[@]} -gt 0 ]; then
    # The definition stays when the chart goes; without the chart it has to come by hand.
    if [ ${#shared[@]} -gt 0 ]; then helm uninstall kapacitor-operator -n $system --wait >/dev/null || exit 1
    else kubectl apply --server-side -f "$root/crds" >/dev/null || exit 1; fi
    scenarios "${own[@]}" || status=1
fi
exit $status
