#!/usr/bin/env python3
"""The operator's figures of docs/benchmarks.md, on a Kubernetes of one node that is started here and taken away again (root).

kube.py --programs DIR [--clusters N] [--running R] [--rest-minutes M]

Sizes of the images; how long a cluster takes to come, to grow and to shrink; memory of the operator that leads, alone and
with N clusters (100), of which R (30) have a member that runs; what is written to the API server while nothing changes. Exit
code 1 when a floor is missed.
"""
import argparse, json, os, re, subprocess, sys, tempfile, time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KUBE = os.path.join(ROOT, 'e2e', 'kube')
BIN = os.environ.get('KUBE_BIN') or os.path.join(KUBE, 'bin')
CONFIG = os.path.join(os.environ.get('KUBE_DIR') or os.path.join(KUBE, 'state'), 'admin.conf')
ENV = dict(os.environ, KUBE_AUDIT='1', KUBECONFIG=CONFIG, PATH=BIN + ':' + os.environ['PATH'])
SYSTEM, SPACE = 'kapacitor-system', 'bench'
CLUSTER = """apiVersion: kapacitor.dev/v1alpha1
kind: KapacitorCluster
metadata: {name: %s}
spec: {replicas: %d, storage: {size: 64Mi}%s}
"""
INFLUXDB = ", influxdb: [{name: main, default: true, urls: ['http://influxdb:8086'], subscriptionsSyncInterval: 2s}]"
# Each asks for 50 m of CPU; a node of two cores has room for no more beside the others.
MAX_RUNNING = 30


def run(*words, stdin=None):
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, cwd=ROOT, env=ENV)
    if done.returncode != 0:
        sys.exit('`%s` fails: %s' % (' '.join(words), (done.stderr or done.stdout).strip()[-2000:]))
    return done.stdout


def kubectl(*words, **more):
    return run('kubectl', '-n', SPACE, *words, **more)


def until(what, ask, within):
    """Waits until the answer is true; for how long."""
    began = time.time()
    while not ask():
        if time.time() - began > within:
            sys.exit('%s: not within %g s' % (what, within))
        time.sleep(0.05)
    return time.time() - began


def resources():
    return json.loads(kubectl('get', 'kc', '-o', 'json'))['items']


def ready(resource, n, reason='InSync'):
    status = resource.get('status', {})
    conditions = {c['type']: (c['status'], c['reason']) for c in status.get('conditions', [])}
    return (status.get('observedGeneration') == resource['metadata']['generation']
            and conditions.get('Ready', ('?', '?'))[1] == reason and status.get('replicas', 0) == n
            and (n == 0 or status.get('readyReplicas') == n))


def in_sync(n):
    return lambda: ready(json.loads(kubectl('get', 'kc', 'demo', '-o', 'json')), n)


def influx(statement):
    from urllib.parse import urlencode
    path = '/api/v1/namespaces/%s/services/influxdb:8086/proxy/query?%s' % (SPACE, urlencode({'q': statement}))
    words = ['get', '--raw', path] if statement.startswith('SHOW') else ['create', '--raw', path, '-f', '/dev/null']
    return json.loads(run('kubectl', *words))['results'][0].get('series', [])


def subscriptions():
    return sum(len(s['values']) for s in influx('SHOW SUBSCRIPTIONS') if s['name'] == 'telegraf')


def leader():
    """Process that leads: the one whose host name (of the pod) holds the lease."""
    holder = run('kubectl', '-n', SYSTEM, 'get', 'lease', 'kapacitor-operator', '-o', 'jsonpath={.spec.holderIdentity}')
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open('/proc/%s/comm' % pid) as f, open('/proc/%s/environ' % pid) as e:
                host = re.search(r'(?:^|\0)HOSTNAME=([^\0]*)', e.read())
                if f.read().startswith('kapacitor-opera') and host and holder.startswith(host.group(1)):
                    return pid
        except OSError:
            continue
    sys.exit('no process of the leader %s' % holder)


def resident():
    """MB of the operator that leads: (now, most)."""
    with open('/proc/%s/status' % leader()) as f:
        kb = dict(re.findall(r'(VmRSS|VmHWM):\s+(\d+) kB', f.read()))
    return int(kb['VmRSS']) / 1000, int(kb['VmHWM']) / 1000


def writes():
    """Writing requests of the operator that the API server noted: how many of each (verb, resource)."""
    counted = {}
    with open(os.path.join(os.path.dirname(CONFIG), 'log', 'audit.log')) as f:
        for line in f:
            event = json.loads(line)
            if event['user']['username'] == 'system:serviceaccount:%s:kapacitor-operator' % SYSTEM:
                key = event['verb'], event.get('objectRef', {}).get('resource', '?')
                counted[key] = counted.get(key, 0) + 1
    return counted


class Table:
    def __init__(self):
        self.missed = False

    def row(self, measure, value, text, floor, floor_text):
        good = floor is None or value <= floor
        self.missed |= not good
        print('| %s | %s | %s | %s |' % (measure, text, floor_text, '' if floor is None else 'holds' if good else '**missed**'), flush=True)


def images(table, programs):
    with tempfile.TemporaryDirectory() as folder:
        run(os.path.join(ROOT, 'e2e', 'images.sh'), programs, folder, 'amd64')
        for name, floor in [('kapacitord', 25), ('kapacitor-operator', 20)]:
            archive = next(f for f in os.listdir(folder) if re.fullmatch(name + r'-\d.*\.tar', f))
            mb = os.path.getsize(os.path.join(folder, archive)) / 1e6
            table.row('image %s, packed' % name, mb, '%.1f MB' % mb, floor, '≤ %d MB' % floor)


def install(programs):
    run(os.path.join(KUBE, 'images.sh'), programs)
    run('kubectl', 'create', 'namespace', SPACE)
    image = lambda which, name: ['--set', '%s.repository=localhost/%s' % (which, name), '--set', which + '.tag=e2e']
    run('helm', 'install', 'kapacitor-operator', 'charts/kapacitor-operator', '-n', SYSTEM, '--create-namespace', '--wait', '--timeout', '120s',
        *image('image', 'kapacitor-operator'), *image('memberImage', 'kapacitord'))
    until('an operator leads', lambda: run('kubectl', '-n', SYSTEM, 'get', 'lease', '-o', 'name').strip() != '', 60)
    kubectl('apply', '-f', 'e2e/tests/kube/influxdb.yaml')
    kubectl('rollout', 'status', 'deployment/influxdb', '--timeout=180s')
    influx('CREATE DATABASE telegraf')


def scale(table):
    began = time.time()
    kubectl('apply', '-f', '-', stdin=CLUSTER % ('demo', 3, INFLUXDB))
    until('three are in sync', in_sync(3), 240)
    took = time.time() - began
    table.row('`kubectl apply` → 3 members InSync', took, '%.1f s' % took, 15, '≤ 15 s')
    until('all are subscribed', lambda: subscriptions() == 3, 60)
    for n, floor, what in [(5, 10, 'InSync'), (3, 30, 'InSync, forgotten, subscriptions dropped')]:
        before = 8 - n
        began = time.time()
        kubectl('scale', 'kc/demo', '--replicas=%d' % n)
        until('%d are in sync' % n, in_sync(n), 240)
        if n < before:
            until('their subscriptions are dropped', lambda: subscriptions() == n, 60)
        took = time.time() - began
        table.row('%d → %d, %s' % (before, n, what), took, '%.1f s' % took, floor, '≤ %d s' % floor)
        until('all are subscribed', lambda: subscriptions() == n, 60)


def rest(table, minutes):
    """What the operator writes while nothing changes."""
    before, began = writes(), time.time()
    if not any(resource == 'statefulsets' for _, resource in before):
        sys.exit('the API server has not noted how the operator made a StatefulSet: %s' % before)
    time.sleep(minutes * 60)
    new = {key: n - before.get(key, 0) for key, n in writes().items() if n > before.get(key, 0)}
    leases = sum(new.pop(key) for key in list(new) if key[1] == 'leases')
    text = '%d, and %d of its lease%s' % (sum(new.values()), leases, ''.join('; %d %s %s' % (n, *key) for key, n in sorted(new.items())))
    table.row('its writes to the API server, %.0f min at rest' % ((time.time() - began) / 60), sum(new.values()), text, 0, '0 beside the lease')


def many(table, n, running):
    for number in range(n):
        kubectl('apply', '-f', '-', stdin=CLUSTER % ('c%d' % number, 1 if number < running else 0, ''))

    def all_well():
        found = {it['metadata']['name']: it for it in resources()}
        want = lambda number: (1, 'InSync') if number < running else (0, 'Stopped')
        return all(ready(found.get('c%d' % number, {'metadata': {'generation': 1}}), *want(number)) for number in range(n))
    until('%d clusters are as wished' % n, all_well, 1800)
    time.sleep(30)
    now, most = resident()
    table.row('operator, resident, %d clusters, %d of them running' % (n + 1, running + 1), now, '%.1f MB, at most %.1f' % (now, most), 60, '≤ 60 MB')


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument('--programs', required=True, help='folder of the release programs')
    options.add_argument('--clusters', type=int, default=100)
    options.add_argument('--running', type=int, default=MAX_RUNNING, help='of them, with a member that runs')
    options.add_argument('--rest-minutes', type=float, default=10)
    options = options.parse_args()
    programs = os.path.abspath(options.programs)
    if os.path.exists('/run/e2e-kube/kubelet.pid'):
        sys.exit('one Kubernetes a machine: `make kube-down` stops the one that runs')
    table = Table()
    print('| measure | value | floor | |\n|---|---|---|---|')
    images(table, programs)
    run(os.path.join(KUBE, 'build.sh'), 'helm')
    try:
        run(os.path.join(KUBE, 'up.sh'))
        install(programs)
        now, most = resident()
        table.row('operator, resident, no cluster', now, '%.1f MB, at most %.1f' % (now, most), 20, '≤ 20 MB')
        scale(table)
        now, most = resident()
        table.row('operator, resident, one cluster', now, '%.1f MB, at most %.1f' % (now, most), 20, '≤ 20 MB')
        rest(table, options.rest_minutes)
        if options.clusters: many(table, options.clusters, min(options.clusters, options.running))
    finally:
        run(os.path.join(KUBE, 'down.sh'))
    sys.exit(table.missed)


if __name__ == '__main__':
    main()
