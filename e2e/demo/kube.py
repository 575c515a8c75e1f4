#!/usr/bin/env python3
"""A cluster on a real Kubernetes: installed, grown, shrunk, stopped, described, deleted, and made again by Helm.

Tells what it does, shows the commands as a user types them, and checks each step; exit code 0 when everything was as
told. Without KUBECONFIG it starts a Kubernetes of one node on this machine (root), brings the images there, and takes
all away again; KUBE_KEEP=1 leaves it up. With KUBECONFIG it works on that cluster, in namespaces of its own; REGISTRY
is where it finds the images kapacitor-operator and kapacitord (`make images` builds them), INFLUXDB_IMAGE an InfluxDB 1.x.
"""
import argparse, json, os, re, shutil, signal, subprocess, sys, tempfile, time, urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KUBE = os.path.join(ROOT, 'e2e', 'kube')
BIN = os.environ.get('KUBE_BIN') or os.path.join(KUBE, 'bin')
RUN = '/run/e2e-kube'
SYSTEM, SPACE = 'kapacitor-system', 'kapacitor-demo'
RESTRICTED = ['pod-security.kubernetes.io/%s=restricted' % what for what in ['enforce', 'warn']]
# The steps of a member that leaves, as its events tell them.
LEAVING = ['MemberCondemned', 'RemovalBegins', 'MemberListed', 'MemberRemoved', 'SetShrinks', 'PodGone', 'SubscriptionsFound',
           'SubscriptionsGone', 'ClaimDeleted', 'MemberGone']
START = time.time()


class Untrue(Exception):
    """Something is not as told."""


def say(text):
    print('%5.1fs  %s' % (time.time() - START, text), flush=True)


def check(what, true, seen=''):
    if not true:
        raise Untrue('%s (%s)' % (what, seen))


def until(what, ask, within):
    """Asks until the answer has its first part true; gives the second. How long it took is the third."""
    began = time.time()
    while True:
        good, seen = ask()
        if good:
            return seen, time.time() - began
        if time.time() - began > within:
            raise Untrue('%s: not within %g s (%s)' % (what, within, seen))
        time.sleep(0.2)


def run(*words, stdin=None, quiet=True, may_fail=False):
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, cwd=ROOT)
    if done.returncode != 0 and not may_fail:
        raise Untrue('`%s` fails: %s' % (' '.join(words), (done.stderr or done.stdout).strip()[-2000:]))
    return done.stdout


def user(*words, show=True):
    """What a user types in the project's folder."""
    shown = ' '.join("'%s'" % w if re.search(r'[{}]', w) else w for w in words)
    print('        $ ' + shown, flush=True)
    out = run(*words)
    lines = out.rstrip().splitlines()
    for line in lines if show is True else lines[:show or 0]:
        print('        ' + line, flush=True)
    return out


def get(*words):
    out = run('kubectl', 'get', '-o', 'json', '--ignore-not-found', *words)
    return json.loads(out) if out.strip() else {}


def items(*words):
    return get(*words).get('items', [])


def pods():
    return [p['metadata']['name'] for p in items('pods', '-l', 'app.kubernetes.io/instance=demo')]


def condition(resource, kind):
    for c in resource.get('status', {}).get('conditions', []):
        if c['type'] == kind:
            return c['status'], c['reason']
    return '?', '?'


def in_sync(n):
    """Waits until the resource says that its `n` members are in sync, and each member lists the same."""
    def ask():
        it = get('kc', 'demo')
        seen = (it.get('status', {}).get('observedGeneration') == it.get('metadata', {}).get('generation'),
                it.get('status', {}).get('readyReplicas'), condition(it, 'Ready'))
        return seen == (True, n, ('True', 'InSync')), seen
    _, took = until('%d members in sync' % n, ask, 240)
    for m in range(n):
        rows = members(run('kubectl', 'exec', 'demo-%d' % m, '--', 'kapacitorctl', 'member', 'list'))
        check('demo-%d lists %d members by their stable names' % (m, n), rows == [host(o) for o in range(n)], rows)
    return took


def host(ordinal):
    return 'demo-%d.demo-members.%s.svc.cluster.local' % (ordinal, SPACE)


def members(text):
    """Hosts of the members that a list shows alive."""
    row = re.compile(r'^\S+ +(\S+):9090 +(\S+):9091 +(\S+):9092 .*\balive *$')
    found = [row.match(line) for line in text.splitlines()]
    return sorted(m.group(1) for m in found if m and m.group(1) == m.group(2) == m.group(3))


def identities():
    status = get('kc', 'demo').get('status', {})
    return status.get('clusterID'), {m['ordinal']: m['memberID'] for m in status.get('members', [])}


def influx(statement):
    """Asks the InfluxDB through the API server, which reaches it wherever this runs."""
    path = '/api/v1/namespaces/%s/services/influxdb:8086/proxy/query?' % SPACE + urllib.parse.urlencode({'q': statement})
    change = not statement.startswith('SHOW')
    out = run('kubectl', 'create', '--raw', path, '-f', '/dev/null') if change else run('kubectl', 'get', '--raw', path)
    answer = json.loads(out)['results'][0]
    check(statement, 'error' not in answer, answer)
    return answer.get('series', [])


def subscriptions():
    return sorted(to for s in influx('SHOW SUBSCRIPTIONS') if s['name'] == 'telegraf' for row in s['values'] for to in row[3])


def subscribed(n):
    wished = ['http://%s:9092' % host(o) for o in range(n)]
    until('subscriptions of %d members' % n, lambda: (subscriptions() == wished, subscriptions()), 120)


def events():
    """(time, reason, note) of what was told of the resource, in order."""
    ours = [e for e in items('events.events.k8s.io') if e['regarding'].get('kind') == 'KapacitorCluster']
    return sorted((e.get('eventTime') or e.get('deprecatedFirstTimestamp'), e['reason'], e.get('note', '')) for e in ours)


# --- the story ---------------------------------------------------------------------------------------------------------

def install(helm_set):
    say('The operator is installed, with the definition of its resource.')
    user('helm', 'install', 'kapacitor-operator', 'charts/kapacitor-operator', '-n', SYSTEM, '--create-namespace', *helm_set, show=4)
    run('kubectl', 'label', '--overwrite', 'namespace', SYSTEM, *RESTRICTED)
    run('kubectl', '-n', SYSTEM, 'rollout', 'status', 'deployment/kapacitor-operator', '--timeout=180s')
    say('Two of them run under Pod Security `restricted`; one leads.')


def begin_influxdb(image):
    with open(os.path.join(ROOT, 'e2e', 'tests', 'kube', 'influxdb.yaml')) as f:
        manifest = f.read()
    if image:
        manifest = manifest.replace('localhost/influxd:e2e', image).replace('imagePullPolicy: Never', 'imagePullPolicy: IfNotPresent')
    run('kubectl', 'apply', '-f', '-', stdin=manifest)
    run('kubectl', 'rollout', 'status', 'deployment/influxdb', '--timeout=180s')
    influx('CREATE DATABASE telegraf')
    say('An InfluxDB runs beside it, with a database `telegraf`. Its login lies in a Secret:')
    user('kubectl', 'create', 'secret', 'generic', 'influxdb', '--from-literal=influxdb-user=kapacitor', '--from-literal=influxdb-password=demo')


def make():
    say('A cluster is one resource.')
    user('kubectl', 'apply', '-f', 'examples/cluster.yaml')
    took = in_sync(3)
    say('Three members became one cluster within %.0f s.' % took)
    rows = user('kubectl', 'get', 'kc').splitlines()
    check('the columns', rows[0].split() == 'NAME MEMBERS READY DESIRED VERSION STATUS AGE'.split(), rows[0])
    row = rows[1].split()
    check('the row', row[:4] == ['demo', '3', '3', '3'] and row[5] == 'InSync', row)
    listed = user('kubectl', 'exec', 'demo-0', '--', 'kapacitorctl', 'member', 'list')
    check('three members by their stable names', members(listed) == [host(o) for o in range(3)], listed)
    subscribed(3)
    say('Each of them subscribed to the InfluxDB for itself: every member gets every point.')


def grow():
    say('More are wished.')
    user('kubectl', 'scale', 'kc/demo', '--replicas=5')
    took = in_sync(5)
    subscribed(5)
    say('Two joined within %.0f s; the InfluxDB sends to five.' % took)


def shrink():
    _, ids = identities()
    say('Fewer are wished.')
    user('kubectl', 'scale', 'kc/demo', '--replicas=2')
    most = [5]

    def one_at_a_time():
        n = len(members(run('kubectl', 'exec', 'demo-0', '--', 'kapacitorctl', 'member', 'list')))
        check('members leave one after the other', n >= most[0] - 1, '%d, then %d' % (most[0], n))
        most[0] = n
        it = get('kc', 'demo')
        left = len(it['status'].get('members', []))
        return (n, left, condition(it, 'Ready')) == (2, 2, ('True', 'InSync')), (n, left, condition(it, 'Ready'))
    _, took = until('three have left', one_at_a_time, 240)
    in_sync(2)
    check('no subscription is left behind', subscriptions() == ['http://%s:9092' % host(o) for o in range(2)], subscriptions())
    told = events()
    for gone in [4, 3, 2]:
        who = 'member %d (%s)' % (gone, ids[gone])
        steps = [reason for _, reason, note in told if who in note and reason in LEAVING]
        check('the events tell how member %d left' % gone, [s for s in steps if s != 'SubscriptionsFound'] ==
              [s for s in LEAVING if s != 'SubscriptionsFound'], steps)
    condemned = [note.split()[1] for _, reason, note in told if reason == 'MemberCondemned']
    check('the highest goes first', condemned == ['4', '3', '2'], condemned)
    claims = sorted(c['metadata']['name'] for c in items('pvc'))
    check('their volumes are deleted, the others are not', claims == ['data-demo-0', 'data-demo-1'], claims)
    say('Three left, one after the other, within %.0f s, and no subscription of theirs is left. The last one, in events:' % took)
    for _, reason, note in told:
        if 'member 2 (%s)' % ids[2] in note and reason in LEAVING:
            print('        %-20s %s' % (reason, note), flush=True)


def stop():
    before = identities()
    say('None are wished: that is a stop.')
    user('kubectl', 'scale', 'kc/demo', '--replicas=0')
    until('no pod is left', lambda: (not pods(), pods()), 120)
    until('the resource says so', lambda: (condition(get('kc', 'demo'), 'Ready')[1] == 'Stopped', 'not Stopped'), 30)
    until('InfluxDB sends to nobody', lambda: (subscriptions() == [], subscriptions()), 30)
    check('nobody was removed', identities() == before, identities())
    say('No pod runs, InfluxDB sends to nobody; volumes and membership are kept.')
    user('kubectl', 'scale', 'kc/demo', '--replicas=2')
    took = in_sync(2)
    check('they are who they were', identities() == before, (before, identities()))
    subscribed(2)
    say('Started again after %.0f s: the same members in the same cluster, nothing is lost.' % took)


def describe():
    say('What happened, and why, stands in the resource.')
    text = user('kubectl', 'describe', 'kc', 'demo', show=False)
    told = text[text.index('Events:'):].splitlines()
    for line in told[:3] + ['  …'] + told[-3:]:
        print('        ' + line[:150], flush=True)
    for word in ['MembersInSync', 'SubscriptionsClean', 'MemberRemoved', 'SetShrinks', 'MemberGone']:
        check('the description tells of %s' % word, word in text)


def delete():
    before = identities()
    say('The resource is deleted.')
    user('kubectl', 'delete', 'kc', 'demo')
    check('it is gone', get('kc', 'demo') == {})
    check('and no subscription is left behind', subscriptions() == [], subscriptions())
    check('nor a pod', not pods(), pods())
    say('Its subscriptions were dropped, then it went. Volumes are kept, as storage.whenDeleted says.')
    return before


def by_chart(before):
    say('Or let Helm write the resource:')
    user('helm', 'install', 'demo', 'charts/kapacitor', '--set', 'influxdb.urls={http://influxdb:8086}', show=4)
    took = in_sync(3)
    now = identities()
    check('the members found their volumes again', now[0] == before[0] and all(now[1][o] == before[1][o] for o in range(2)), (before, now))
    subscribed(3)
    say('Three members after %.0f s: two found their volumes again, so it is the cluster that it was.' % took)
    user('helm', 'uninstall', 'demo', show=1)
    until('the resource goes with its chart', lambda: (get('kc', 'demo') == {}, 'it is there'), 120)
    check('no subscription is left behind', subscriptions() == [], subscriptions())


def leave():
    say('The operator goes.')
    user('helm', 'uninstall', 'kapacitor-operator', '-n', SYSTEM)
    check('the definition stays', get('crd', 'kapacitorclusters.kapacitor.dev') != {})


# --- where it happens --------------------------------------------------------------------------------------------------

class Here:
    """A Kubernetes of one node on this machine, with the images that a release would have published."""

    def __init__(self, programs):
        self.programs = os.path.abspath(programs)
        self.helm_set, self.influxdb_image = [], None
        self.config = os.path.join(os.environ.get('KUBE_DIR') or os.path.join(KUBE, 'state'), 'admin.conf')
        self.started = False

    def begin(self):
        check('one Kubernetes a machine: `make kube-down` stops the one that runs', not os.path.exists(RUN + '/kubelet.pid'))
        say('A Kubernetes of one node is started on this machine: etcd, API server, controllers, kubelet, containerd, DNS.')
        run(os.path.join(KUBE, 'build.sh'), 'helm')
        self.started = True
        run(os.path.join(KUBE, 'up.sh'))
        run(os.path.join(KUBE, 'images.sh'), self.programs)
        with open(os.path.join(ROOT, 'charts', 'kapacitor-operator', 'Chart.yaml')) as f:
            version = re.search(r'^appVersion: (\S+)', f.read(), re.M).group(1)
        for name in ['kapacitord', 'kapacitor-operator']:
            run('ctr', '-a', RUN + '/containerd.sock', '-n', 'k8s.io', 'images', 'tag', '--force',
                'localhost/%s:e2e' % name, 'docker.io/kapacitor/%s:%s' % (name, version))

    def end(self):
        if self.started and not os.environ.get('KUBE_KEEP'):
            run(os.path.join(KUBE, 'down.sh'), may_fail=True)
            say('The Kubernetes is gone; nothing is left running.')
        elif self.started:
            say('The Kubernetes is left up: export KUBECONFIG=%s; `make kube-down` stops it.' % self.config)


class There:
    """The cluster that KUBECONFIG names."""

    def __init__(self, config):
        self.config, registry = config, os.environ.get('REGISTRY')
        self.helm_set = ['--set', 'image.repository=%s/kapacitor-operator' % registry, '--set', 'memberImage.repository=%s/kapacitord' % registry]
        self.helm_set = self.helm_set if registry else []
        self.influxdb_image = os.environ.get('INFLUXDB_IMAGE') or 'docker.io/library/influxdb:1.8'
        self.started = False

    def begin(self):
        say('This happens on the Kubernetes of %s, in the namespaces %s and %s.' % (self.config, SYSTEM, SPACE))
        for namespace in [SYSTEM, SPACE]:
            check('the namespace %s is not there yet' % namespace, get('namespace', namespace) == {})
        self.started = True

    def end(self):
        if self.started:
            run('kubectl', 'delete', 'namespace', SYSTEM, SPACE, '--ignore-not-found', may_fail=True)
            say('Both namespaces are deleted. The definition stays: kubectl delete crd kapacitorclusters.kapacitor.dev')


def tell(place, work):
    place.begin()
    # A copy, whose context is in the namespace of the demo: so every command is what a user types.
    mine = os.path.join(work, 'kubeconfig')
    shutil.copy(place.config, mine)
    os.environ['KUBECONFIG'] = mine
    run('kubectl', 'create', 'namespace', SPACE)
    run('kubectl', 'label', 'namespace', SPACE, *RESTRICTED)
    run('kubectl', 'config', 'set-context', '--current', '--namespace=' + SPACE)
    install(place.helm_set)
    begin_influxdb(place.influxdb_image)
    make()
    grow()
    shrink()
    stop()
    describe()
    by_chart(delete())
    leave()


def diagnose():
    """What there is to see of a failure."""
    for words in [['get', 'kc,sts,pods,pvc', '-A', '-o', 'wide'], ['get', 'kc', '-o', 'jsonpath={.items[*].status}'],
                  ['get', 'events', '--sort-by=.metadata.creationTimestamp'],
                  ['-n', SYSTEM, 'logs', '-l', 'app.kubernetes.io/name=kapacitor-operator', '--tail=20']]:
        print('--- kubectl %s\n%s' % (' '.join(words), run('kubectl', *words, may_fail=True)[-6000:]), file=sys.stderr)


def main():
    p = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    p.add_argument('--programs', required=True, help='directory of the static release programs')
    a = p.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.environ['PATH'] = BIN + ':' + os.environ['PATH']
    given = os.environ.get('KUBECONFIG')
    place = There(given) if given else Here(a.programs)
    work = tempfile.mkdtemp(prefix='kapacitor-kube-demo-')
    try:
        tell(place, work)
    except (Untrue, OSError, LookupError) as e:
        print('\nNOT AS TOLD: %s' % e, file=sys.stderr)
        diagnose()
        return 1
    finally:
        place.end()
        shutil.rmtree(work, ignore_errors=True)
    say('Everything was as told.')
    return 0


if __name__ == '__main__':
    sys.exit(main())
