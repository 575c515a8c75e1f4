#!/usr/bin/env python3
"""Three members beside three Alertmanagers, the same alerts to all of them in one run: copies and delay.

peers.py --programs DIR [--rate 20] [--data DIR] [--delay 10] [--peer-timeout 15]

Each of three network namespaces holds one member and one Alertmanager (Debian's prometheus-alertmanager); client and
receivers are outside and reach all. Both are left at their own waits (delay-per-member, cluster.peer-timeout) and send an
alert at once (group_wait 0, one group per alert). Three phases: no fault (30 s); kill -9 of the first in line of either
(60 s, killed after 10); one peer, the first in line, cut off from the other two for 60 s. Measured is the time from just
before the first peer is told of an alert to its first arrival, and how many more arrive. Needs root (namespaces).
Exit code 1 when we lost an alert, or sent one twice without a fault.
"""
import argparse, collections, http.client, json, os, shutil, subprocess, sys, tempfile, threading, time
from member import Member, Server, at, form, settle, until
from receiver import Receiver

NET, OUTSIDE = '10.99.0', '10.99.0.254'
TASK = ("dbrp \"d\".\"r\"\nstream|from().measurement('cpu').groupBy('host')"
        "|alert().crit(lambda: \"n\" >= 0).message('{{ index .Fields \"n\" }}').topic('t')")
CONF = '''route: {{receiver: w, group_by: ['...'], group_wait: 0s, group_interval: 1h, repeat_interval: 24h}}
receivers: [{{name: w, webhook_configs: [{{url: '{url}/ok', send_resolved: false}}]}}]
'''
COUNTED = 'kapacitor_alert_primary_handled_total'


def run(*command):
    subprocess.run(command, check=True)


class Space:
    """A network namespace on the bridge."""

    def __init__(self, number):
        self.address = '%s.%d' % (NET, number)
        self.holder = subprocess.Popen(['unshare', '-n', 'sh', '-c', 'echo; exec sleep infinity'], stdout=subprocess.PIPE)
        self.holder.stdout.readline()
        self.within = ['nsenter', '-t', str(self.holder.pid), '-n']
        run('ip', 'link', 'add', 'v%d' % number, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', str(self.holder.pid))
        run('ip', 'link', 'set', 'v%d' % number, 'master', 'bridge0', 'up')
        for args in (['addr', 'add', self.address + '/24', 'dev', 'eth0'], ['link', 'set', 'eth0', 'up'], ['link', 'set', 'lo', 'up']):
            run(*self.within, 'ip', *args)

    def cut(self, other):
        """What goes to the other is sent to a card that nobody has: it vanishes without an answer."""
        run(*self.within, 'ip', 'neigh', 'replace', other.address, 'lladdr', '02:00:00:00:00:99', 'nud', 'permanent', 'dev', 'eth0')

    def mend(self, other):
        run(*self.within, 'ip', 'neigh', 'del', other.address, 'dev', 'eth0')

    def close(self):
        self.holder.kill()
        self.holder.wait()


class Alertmanager(Server):
    def __init__(self, a, dir, space, url, peers):
        os.makedirs(dir)
        conf = os.path.join(dir, 'alertmanager.yml')
        with open(conf, 'w') as f:
            f.write(CONF.format(url=url))
        self.dir, self.host = dir, space.address
        self.command = [*space.within, 'prometheus-alertmanager', '--config.file=' + conf, '--storage.path=' + os.path.join(dir, 'data'),
                        '--web.listen-address=%s:9093' % space.address, '--cluster.listen-address=%s:9094' % space.address,
                        '--cluster.advertise-address=%s:9094' % space.address, '--cluster.peer-timeout=%gs' % a.peer_timeout,
                        '--log.level=warn', *['--cluster.peer=%s:9094' % peer for peer in peers if peer != space.address]]
        self.start()

    def cluster(self):
        c = http.client.HTTPConnection(self.host, 9093, timeout=10)
        c.request('GET', '/api/v2/status')
        return json.load(c.getresponse())['cluster']

    def post(self, n):
        alert = [{'labels': {'alertname': 'a%d' % n}, 'annotations': {'message': str(n)}}]
        c = http.client.HTTPConnection(self.host, 9093, timeout=10)
        c.request('POST', '/api/v2/alerts', json.dumps(alert), {'Content-Type': 'application/json'})
        c.getresponse().read()


def settle_alertmanagers(peers):
    def settled(peer):
        cluster = peer.cluster()
        return cluster['status'] == 'ready' and len(cluster['peers']) == len(peers)
    for peer in peers:
        until('an Alertmanager has its peers', lambda: settled(peer), 120)


class Clusters:
    def __init__(self, a, dir):
        self.spaces, self.members, self.alertmanagers, self.receivers, self.begun = [], [], [], [], [{}, {}]
        self.a, self.next = a, 1
        run('ip', 'link', 'set', 'lo', 'up')
        run('ip', 'link', 'add', 'bridge0', 'type', 'bridge')
        run('ip', 'addr', 'add', OUTSIDE + '/24', 'dev', 'bridge0')
        run('ip', 'link', 'set', 'bridge0', 'up')
        self.spaces = [Space(n) for n in (1, 2, 3)]
        self.receivers = [Receiver(host=OUTSIDE), Receiver(host=OUTSIDE)]
        addresses = [space.address for space in self.spaces]
        for n, space in enumerate(self.spaces):
            self.members.append(Member(a.programs, os.path.join(dir, 'm%d' % n), a.delay, 'WARN', space.address, (9092, 9091, 9090), space.within))
            self.alertmanagers.append(Alertmanager(a, os.path.join(dir, 'a%d' % n), space, self.receivers[1].url, addresses))
        form(self.members, TASK, [{'id': 'h', 'kind': 'post', 'options': {'url': self.receivers[0].url + '/ok'}}])
        settle_alertmanagers(self.alertmanagers)

    def close(self):
        for process in [*self.members, *self.alertmanagers]:
            process.kill()
        for receiver in self.receivers:
            receiver.close()
        for space in self.spaces:
            space.close()

    def first(self):
        """Who is first in line: of ours the one that has handled most, of Alertmanager's the first by name."""
        counted = [m.metrics()[COUNTED] for m in self.members]
        ours = self.members[counted.index(max(counted))]
        return ours, min(self.alertmanagers, key=lambda peer: peer.cluster()['name'])

    def tell(self, peers, which, n, send):
        def one(peer):
            try:
                send(peer)
            except OSError:
                pass                                                     # it is dead
        self.begun[which][n] = time.monotonic()
        threads = [threading.Thread(target=one, args=(p,)) for p in peers if p.process.poll() is None]
        [t.start() for t in threads]
        [t.join() for t in threads]

    def feed(self, seconds, events):
        """Alerts at an even pace to all; `events` are (second, what to do). Numbers of the alerts."""
        start, first = time.monotonic(), self.next
        events = sorted(events, key=lambda event: event[0])
        for k in range(int(seconds * self.a.rate)):
            due = start + k / self.a.rate
            while events and time.monotonic() >= start + events[0][0]:
                events.pop(0)[1]()
            time.sleep(max(0.0, due - time.monotonic()))
            n, self.next = self.next, self.next + 1
            line = 'cpu,host=h%d n=%di %d' % (n, n, time.time_ns())
            ours = threading.Thread(target=self.tell, args=(self.members, 0, n, lambda m: m.write(line)))
            ours.start()
            self.tell(self.alertmanagers, 1, n, lambda peer: peer.post(n))
            ours.join()
        for _, what in events:
            what()
        return range(first, self.next)


def rows(clusters, phase, numbers):
    """A line of the table for each of the two; whether ours is as it must be."""
    good = True
    for which, name in enumerate(('kapacitord', 'Alertmanager')):
        seen = collections.defaultdict(list)
        for message, when, _ in clusters.receivers[which].ask('/seen')['arrivals']:
            seen[int(message)].append(when)
        took = sorted(min(seen[n]) - clusters.begun[which][n] for n in numbers if n in seen)
        lost = sum(1 for n in numbers if n not in seen)
        more = [len(seen[n]) - 1 for n in numbers if n in seen]
        print('| %s | %s | %d | %d | %d | %d | %.0f ms | %.2f s | %.2f s |'
              % (phase, name, len(numbers), lost, sum(m > 0 for m in more), max(more, default=0) + 1,
                 at(took, .5) * 1000, at(took, .99), took[-1] if took else float('nan')), flush=True)
        if which == 0:
            good = not lost and (phase != 'no fault' or not any(more))
    return good


def main():
    p = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    p.add_argument('--programs', required=True, help='directory of kapacitord')
    p.add_argument('--rate', type=int, default=20, help='alerts a second')
    p.add_argument('--delay', type=float, default=10, help='delay-per-member, seconds')
    p.add_argument('--peer-timeout', type=float, default=15, help='of Alertmanager, seconds')
    p.add_argument('--data', default=None, help='where data directories are made')
    a = p.parse_args()
    a.programs = os.path.abspath(a.programs)
    if os.geteuid() != 0:
        sys.exit('needs root, for network namespaces')
    if not shutil.which('prometheus-alertmanager'):
        sys.exit('needs Debian\'s prometheus-alertmanager')
    if os.environ.get('PEERS_INSIDE') is None:
        os.environ['PEERS_INSIDE'] = '1'
        os.execvp('unshare', ['unshare', '-n', sys.executable, os.path.abspath(__file__), *sys.argv[1:]])
    dir = tempfile.mkdtemp(prefix='peers-', dir=a.data)
    clusters = Clusters(a, dir)
    waits = 2 * max(a.delay, a.peer_timeout) + 5                         # every other peer's turn
    try:
        print('| phase | | alerts | lost | with copies | most arrivals | p50 | p99 | max |\n|---|---|---|---|---|---|---|---|---|')
        numbers = clusters.feed(30, [])
        time.sleep(waits)
        good = rows(clusters, 'no fault', numbers)
        killed = clusters.first()
        numbers = clusters.feed(60, [(10, lambda: [peer.kill() for peer in killed])])
        time.sleep(waits)
        good &= rows(clusters, 'kill -9 of the first', numbers)
        [peer.start() for peer in killed]
        settle(clusters.members)
        settle_alertmanagers(clusters.alertmanagers)
        alone = clusters.spaces[clusters.members.index(clusters.first()[0])]
        others = [space for space in clusters.spaces if space is not alone]
        cut = lambda: [(alone.cut(o), o.cut(alone)) for o in others]
        mend = lambda: [(alone.mend(o), o.mend(alone)) for o in others]
        numbers = clusters.feed(75, [(5, cut), (65, mend)])
        time.sleep(waits)
        good &= rows(clusters, 'one cut off for 60 s', numbers)
        return 0 if good else 1
    finally:
        clusters.close()
        shutil.rmtree(dir, ignore_errors=True)


if __name__ == '__main__':
    sys.exit(main())
