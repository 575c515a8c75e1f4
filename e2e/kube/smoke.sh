#!/bin/bash
# The chart, the operator and real members on a real Kubernetes, under Pod Security `restricted`.
#   smoke.sh [PROGRAMS]    folder of the static release programs (default: target/x86_64-unknown-linux-musl/release)
# Every wait has a deadline. At a failure it says what was awaited and shows resource, events and logs.
# SMOKE_KEEP=1 leaves the cluster up. Needs root. The last line is `N passed, N failed`.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
root=$(cd "$here/../.." && pwd)
programs=$(cd "${1:-$root/target/x86_64-unknown-linux-musl/release}" 2>/dev/null && pwd) || { echo "no folder ${1-}: \`make programs\` builds it"; exit 1; }
export KUBECONFIG=$KUBE_DIR/admin.conf PATH=$KUBE_BIN:$PATH
system=kapacitor-system ns=smoke pass=0 fail=0 t0=$SECONDS
work=$(mktemp -d)

k() { kubectl -n $ns "$@"; }
finish() {
    [ -z "${receiver-}" ] || kill "$receiver"
    if [ -z "${SMOKE_KEEP-}" ]; then bash "$here/down.sh" >/dev/null || fail=$((fail + 1)); fi
    rm -rf "$work"
    echo "$((SECONDS - t0)) s"
    echo "$pass passed, $fail failed"
}
trap finish EXIT
trap 'exit 1' INT TERM

# check WHAT SECONDS COMMAND...: the command succeeds before the deadline, else the rest makes no sense.
check() {
    local what=$1 limit=$2 from=$SECONDS; shift 2
    until "$@" >"$work/out" 2>&1; do
        if [ $((SECONDS - from)) -ge "$limit" ]; then
            fail=$((fail + 1)); echo "FAIL $what: $*"; tail -20 "$work/out"; diagnose; exit 1
        fi
        sleep 0.2
    done
    pass=$((pass + 1)); echo "ok   $what ($((SECONDS - from)) s)"
}
diagnose() {
    echo "--- resources"; kubectl get kc,sts,pods,pvc -A -o wide
    echo "--- status"; k get kc -o jsonpath='{range .items[*]}{.metadata.name}{" "}{.status}{"\n"}{end}'
    echo "--- events"; kubectl get events -A --sort-by=.lastTimestamp 2>/dev/null | grep -v ' Normal ' | tail -15
    echo "--- operator"; kubectl -n $system logs deploy/kapacitor-operator --tail=25
    for p in $(k get pods -o name); do
        echo "--- $p"; k logs "$p" --tail=400 | grep -vE 'v1/(ready|ping|cluster) ' | tail -25; k logs "$p" --previous --tail=10 2>/dev/null
    done
}

# --- what is asked again and again ----------------------------------------------------------
members() { k exec "demo-$1" -- kapacitorctl member list; }
# sees POD N: the member lists exactly the first N by their stable names, all alive.
sees() {
    members "$1" >"$work/list" || { cat "$work/list"; return 1; }
    cat "$work/list"
    [ "$(grep -c ':9091 ' "$work/list")" = "$2" ] || return 1
    for n in $(seq 0 $(($2 - 1))); do
        local host=demo-$n.demo-members.$ns.svc.cluster.local
        grep -qE " $host:9090 +$host:9091 +$host:9092 .*alive *\$" "$work/list" || return 1
    done
    grep -q '^State: initialized$' "$work/list"
}
all_see() { for m in $(seq 0 $(($1 - 1))); do sees "$m" "$1" || return 1; done; }
reason() { k get kc demo -o 'jsonpath={.status.conditions[?(@.type=="Ready")].reason}'; }
reason_is() { local got; got=$(reason); echo "reason: $got"; [ "$got" = "$1" ]; }
ready() { [ "$(k get kc demo -o jsonpath='{.status.readyReplicas}')" = "$1" ] && reason_is "${2-InSync}"; }
refused() { ! k apply --dry-run=server -f "$work/bad.yaml" >"$work/why" 2>&1 && { cat "$work/why"; grep -q -- "$1" "$work/why"; }; }
bad() { # text SPEC...: a resource with this spec is refused and the refusal says so
    local says=$1 name=${3-other}
    printf 'apiVersion: kapacitor.dev/v1alpha1\nkind: KapacitorCluster\nmetadata: {name: %s}\nspec: %s\n' "$name" "$2" >"$work/bad.yaml"
    check "refused: $says" 3 refused "$says"
}
ids() { k get kc demo -o jsonpath='{.status.clusterID} {.status.members[*].memberID}'; }
same_ids() { echo "$1 / $(ids)"; [ "$1" = "$(ids)" ]; }
no_claim() { [ -z "$(k get pvc "data-demo-$1" -o name --ignore-not-found)" ]; }
# story POD REASON...: the events about this pod tell these, in this order.
story() {
    local pod=$1 next; shift
    k get events -o jsonpath='{range .items[*]}{.eventTime} {.reason} {.related.name}{"\n"}{end}' | sort >"$work/events"
    cat "$work/events"
    for next in $(awk -v pod="$pod" '$3 == pod { print $2 }' "$work/events"); do [ "$next" = "${1-}" ] && shift; done
    [ $# = 0 ]
}
no_pods() { [ -z "$(k get pods -o name)" ]; }
# hot TIME MEMBER...: points that raise two alerts, written to these members.
hot() {
    local at=$1 m; shift
    for m in "$@"; do
        printf 'm,host=a v=10 %s\nm,host=b v=10 %s\n' "$at" "$at" | curl -sSf -m 5 --data-binary @- \
            "http://$(k get pod "demo-$m" -o jsonpath='{.status.podIP}'):9092/kapacitor/v1/write?db=smoke&rp=autogen" || return 1
    done
}
define() {
    k exec -i "demo-$1" -- kapacitor define hot -type stream -dbrp smoke.autogen -tick /dev/stdin \
        <<<"stream|from().measurement('m')|alert().id('{{ index .Tags \"host\" }}').crit(lambda: \"v\" > 9).topic('hot')" &&
        k exec "demo-$1" -- kapacitor enable hot
}
handler() { k exec -i "demo-$1" -- kapacitor define-topic-handler /dev/stdin <<<"{topic: hot, id: tell, kind: post, options: {url: 'http://$NODE_IP:18998/'}}"; }
has_handler() { k exec "demo-$1" -- kapacitor list topic-handlers | grep tell; }
received() { sort "$work/received" && [ "$(wc -l <"$work/received")" -ge "$1" ]; }
# No copy: each line once. A copy would come after delayPerMember, 5 s.
no_copies() { sort "$work/received" | uniq -d | tee "$work/copies"; [ ! -s "$work/copies" ]; }
own_id() { members "$1" | sed -n 's/^Local Member ID: //p'; }
id_is() { local got; got=$(own_id "$1"); echo "$got"; [ "$got" = "$2" ]; }
id_differs() { local got; got=$(own_id "$1"); echo "$got"; [ -n "$got" ] && [ "$got" != "$2" ]; }
lose() { k delete pvc "data-demo-$1" --wait=false && k delete pod "demo-$1"; }
image() { python3 "$here/images/mkimage.py" "$work/$1.tar" "localhost/$1:smoke" --containerfile "$root/$2/Containerfile" --context "$programs" && ctr -a $RUN/containerd.sock -n k8s.io images import "$work/$1.tar"; }
install() {
    helm upgrade --install kapacitor-operator "$root/charts/kapacitor-operator" -n $system --wait --timeout 60s \
        --set image.repository=localhost/kapacitor-operator --set image.tag=smoke \
        --set memberImage.repository=localhost/kapacitord --set memberImage.tag=smoke "$@"
}
no_cluster_role() { ! kubectl get clusterrole,clusterrolebinding -o name | grep kapacitor; }
stranger() {
    local url
    url=http://$(k get pod demo-0 -o jsonpath='{.status.podIP}'):9092/kapacitor/v1/cluster/members
    [ "$(curl -s -m 5 -o "$work/answer" -w '%{http_code}' -X "$1" "$url${2-}" -d '{"rpc-address": "demo-1.demo-members:9091"}')" = 401 ]
}
namespaces() {
    for n in $system $ns; do
        kubectl create namespace $n --dry-run=client -o yaml | kubectl apply -f - &&
            kubectl label --overwrite namespace $n pod-security.kubernetes.io/{enforce,warn}=restricted || return 1
    done
}

# --- images and a Kubernetes ----------------------------------------------------------------
for p in kapacitord kapacitorctl kapacitor kapacitor-operator; do
    [ -x "$programs/$p" ] || { fail=1; echo "FAIL $programs/$p is missing: \`make programs\` builds it"; exit 1; }
done
check "Kubernetes is built" 1 bash "$here/build.sh" helm
check "the chart is clean" 1 helm lint --strict "$root/charts/kapacitor-operator"
check "nothing is left of another run" 1 bash "$here/down.sh"
check "Kubernetes is up" 1 bash "$here/up.sh"
check "image of members" 1 image kapacitord daemon
check "image of the operator" 1 image kapacitor-operator operator
check "restricted namespaces" 1 namespaces
check "helm install" 1 install

# --- the resource ---------------------------------------------------------------------------
bad "alert.redundancy must not exceed replicas" '{replicas: 2, alert: {redundancy: 3}}'
bad "must be from 100ms to 1h" '{alert: {delayPerMember: 2h}}'
bad "exactly one influxdb must have default" '{influxdb: [{name: a, urls: ["http://a"]}, {name: b, urls: ["http://b"]}]}'
bad "spec.influxdb\[0\].urls\[0\]" '{influxdb: [{name: a, urls: ["file:///etc/passwd"]}]}'
bad "image.tag and image.digest exclude each other" "{image: {tag: a, digest: 'sha256:$(printf 0%.0s {1..64})'}}"
bad "starting with a letter" '{}' 1st
bad "gossipInterval must be 0s" '{cluster: {gossipInterval: 1ms}}'
bad "fullSyncInterval must be from 1s" '{alert: {fullSyncInterval: 500ms}}'
bad "must differ between members" '{external: {addressTemplate: kap.example.com}}'
bad "hold control characters" '{influxdb: [{name: a, urls: ["http://a"], subscriptions: {"a\tb": []}}]}'
bad "spec.influxdb\[0\].subscriptions.a\[0\]" '{influxdb: [{name: a, urls: ["http://a"], subscriptions: {a: ["b\n"]}}]}'
bad "spec.storage.size" '{storage: {size: big}}'
bad "unknown field \"spec.replica\"" '{replica: 3}'
check "examples are accepted as they stand" 5 k apply --dry-run=server --validate=strict -f "$root/examples"

# --- three members --------------------------------------------------------------------------
check "kubectl apply" 3 k apply -f "$here/cluster.yaml"
check "three members, ready and in sync" 60 ready 3
check "every member lists the three by their stable names" 20 all_see 3
k get kc; members 0
known=$(ids)
check "volumes do not shrink" 1 bash -c "! kubectl -n $ns patch kc demo --type=merge -p '{\"spec\":{\"storage\":{\"size\":\"32Mi\"}}}'"

# --- one alert ------------------------------------------------------------------------------
touch "$work/received"
python3 "$here/receiver.py" $NODE_IP:18998 "$work/received" & receiver=$!
for m in 0 1 2; do check "a task on demo-$m" 5 define $m; done
check "a topic handler, defined on demo-1" 5 handler 1
for m in 0 2; do check "is on demo-$m" 5 has_handler $m; done
check "the same points to every member" 5 hot 1000000000 0 1 2
check "two alerts are received" 10 received 2

# --- pods and volumes are lost ----------------------------------------------------------------
one=$(own_id 1) zero=$(own_id 0)
check "a pod is deleted" 90 k delete pod demo-1
check "it comes back" 60 all_see 3
check "as who it was" 5 id_is 1 "$one"
check "nothing changed for the operator" 20 ready 3
check "as recorded" 5 same_ids "$known"
check "the first member's volume is lost" 90 lose 0
check "a new member takes its place" 60 id_differs 0 "$zero"
check "every member lists the three, the lost one is gone" 30 all_see 3
check "in sync" 30 ready 3
known=$(ids)

# --- the wish changes; from here on the operator has rights in one namespace only -----------------
check "a stranger cannot add a member" 3 stranger POST
check "nor remove one" 3 stranger DELETE "/$one"
check "helm upgrade: watch one namespace" 1 install --set watchNamespace=$ns
check "no ClusterRole is left" 3 no_cluster_role
check "kubectl scale: four wished" 3 k scale kc/demo --replicas=4
check "the operator falls" 3 kubectl -n $system delete pod -l app.kubernetes.io/name=kapacitor-operator --wait=false
check "four members, ready and in sync" 60 ready 4
check "every member lists the four" 20 all_see 4
check "fewer wished" 3 k scale kc/demo --replicas=3
check "three members, ready and in sync" 60 ready 3
check "every member lists the three, the fourth is gone" 5 all_see 3
check "its claim is gone, too" 20 no_claim 3
check "events tell how it went" 5 story demo-3 MemberCondemned RemovalBegins MemberListed MemberRemoved SetShrinks PodGone SubscriptionsGone ClaimDeleted MemberGone
check "nothing else was lost" 5 same_ids "$known"
check "stopped" 3 k scale kc/demo --replicas=0
check "no pod is left" 90 no_pods
check "the operator says so" 20 reason_is Stopped
check "started again" 3 k scale kc/demo --replicas=3
check "all three are back" 90 ready 3
check "in the cluster that they were in" 5 same_ids "$known"
check "every member lists the three again" 20 all_see 3
check "points to those that have the task still" 5 hot 2000000000 1 2
check "two more alerts are received" 20 received 4
alerted=$SECONDS

# --- deleted and made again -------------------------------------------------------------------
check "the resource is deleted" 30 k delete kc demo
check "its pods go" 90 no_pods
check "made again" 3 k apply -f "$here/cluster.yaml"
check "its members find their volumes and each other" 90 ready 3
check "in the cluster that they were in" 5 same_ids "$known"
check "helm uninstall" 1 helm uninstall kapacitor-operator -n $system --wait
check "keeps definition, resource and members" 1 all_see 3
# Copies would come from the next in line, after delayPerMember (5 s).
until [ $((SECONDS - alerted)) -ge 8 ]; do sleep 0.2; done
check "no alert was delivered twice" 1 no_copies
