#!/usr/bin/env python3
"""A cluster of three at work, told as it happens: every claim is checked, the first that fails ends the demo.

demo.py --programs DIR [--influx]

Starts three kapacitord on this machine (127.0.1.1 to 127.0.1.3), a receiver of alerts, with --influx a real influxd that
feeds them through subscriptions; ends them all. The verdict is counted in the file that the receiver writes: copies per
event id and time. Exit code 0 when everything was as told.
"""
import argparse, collections, contextlib, json, os, shutil, signal, socket, subprocess, sys, tempfile, threading, time, urllib.parse, urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
DELAY = 2.0                                   # seconds: delay-per-member
NAMES = ['one', 'two', 'three']
TASK = """dbrp "telegraf"."autogen"

stream
    |from()
        .measurement('cpu')
        .groupBy('host')
    |alert()
        .crit(lambda: "usage" > 90.0)
        .topic('cpu')
"""
HANDLER = 'id: to-receiver\ntopic: cpu\nkind: post\noptions:\n  url: {url}\n'
CONF = """hostname = "{host}"
data_dir = "{dir}/data"

[http]
  bind-address = "{host}:{port2}"
[rpc]
  bind-address = "{host}:{port1}"
[cluster]
  bind-address = "{host}:{port0}"
[alert]
  delay-per-member = "{delay:g}s"       # short, so that the demo is: the default is 10s
[logging]
  level = "INFO"
[[influxdb]]
  enabled = {influx}
  urls = ["http://127.0.1.9:{influx_port}"]
  subscription-mode = "server"          # one subscription per member: each receives every point
  subscriptions-sync-interval = "1s"
"""
INFLUX_CONF = """reporting-disabled = true
bind-address = "127.0.1.9:{backup_port}"
[meta]
  dir = "{dir}/meta"
[data]
  dir = "{dir}/data"
  wal-dir = "{dir}/wal"
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.1.9:{port}"
  log-enabled = false
"""
START = time.time()


class Untrue(Exception):
    """Something is not as told."""


def say(text):
    print('%5.1fs  %s' % (time.time() - START, text), flush=True)


def until(what, ask, within=20.0):
    """Asks until the answer is true, and gives it."""
    end = time.time() + within
    while True:
        try:
            seen = ask()
        except OSError as e:
            seen, why = None, e
        else:
            why = seen
        if seen:
            return seen
        if time.time() > end:
            raise Untrue('%s: not within %g s (%r)' % (what, within, why))
        time.sleep(0.02)


def check(what, true, seen=''):
    if not true:
        raise Untrue('%s (%s)' % (what, seen))


def http(url, body=None):
    with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=10) as r:
        return r.read().decode()


def free_ports():
    """The usual ports if they are free on our addresses, else some that are."""
    for base in [9090, *range(19090, 29090, 10)]:
        try:
            with contextlib.ExitStack() as stack:
                for host in ['127.0.1.%d' % (n + 1) for n in range(len(NAMES))]:
                    for port in range(base, base + 3):
                        s = stack.enter_context(socket.socket())
                        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                        s.bind((host, port))
            return base
        except OSError:
            continue
    raise Untrue('no free ports')


class World:
    """Everything that runs; ended in `close`, whatever happens."""

    def __init__(self, programs, influx):
        self.programs, self.influx = os.path.abspath(programs), influx
        self.dir = tempfile.mkdtemp(prefix='kapacitor-demo-')
        self.processes, self.base = {}, free_ports()
        self.deliveries = os.path.join(self.dir, 'deliveries')
        self.influx_url = 'http://127.0.1.9:%d' % (self.base + 1000)

    def start(self, name, *command):
        log = open(os.path.join(self.dir, name + '.log'), 'ab')
        self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def end(self, name, how=signal.SIGTERM):
        process = self.processes.pop(name)
        process.send_signal(how)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Untrue('%s did not end' % name)

    def close(self):
        for process in self.processes.values():
            process.kill()
        for process in self.processes.values():
            process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def host(self, name):
        return '127.0.1.%d' % (NAMES.index(name) + 1)

    def address(self, name, service):
        return '%s:%d' % (self.host(name), self.base + ['gossip', 'rpc', 'http'].index(service))

    def conf(self, name):
        return os.path.join(self.dir, name, 'kapacitor.conf')

    def start_receiver(self):
        command = [sys.executable, os.path.join(HERE, 'receiver.py'), self.deliveries]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
        self.processes['receiver'] = process
        return process.stdout.readline().decode().strip()

    def start_influxd(self):
        dir = os.path.join(self.dir, 'influxdb')
        os.makedirs(dir)
        conf = os.path.join(dir, 'influxdb.conf')
        with open(conf, 'w') as f:
            f.write(INFLUX_CONF.format(dir=dir, port=self.base + 1000, backup_port=self.base + 1001))
        self.start('influxd', 'influxd', '-config', conf)
        until('influxd answers', lambda: http(self.influx_url + '/ping') == '')
        self.influx_query('CREATE DATABASE telegraf')

    def influx_query(self, text):
        return json.loads(http(self.influx_url + '/query?' + urllib.parse.urlencode({'q': text}), b''))

    def start_member(self, name):
        os.makedirs(os.path.dirname(self.conf(name)), exist_ok=True)
        with open(self.conf(name), 'w') as f:
            f.write(CONF.format(dir=os.path.dirname(self.conf(name)), host=self.host(name), delay=DELAY, port0=self.base,
                                port1=self.base + 1, port2=self.base + 2, influx=str(self.influx).lower(), influx_port=self.base + 1000))
        self.start(name, os.path.join(self.programs, 'kapacitord'), '-config', self.conf(name))
        until('member %s serves' % name, lambda: self.api(name, '/ping') == '')

    def api(self, name, path, body=None):
        return http('http://%s/kapacitor/v1%s' % (self.address(name, 'http'), path), body)

    def cluster(self, name):
        return json.loads(self.api(name, '/cluster'))

    def metric(self, name, metric):
        text = http('http://%s/metrics' % self.address(name, 'http'))
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(metric))

    def user(self, at, *words, show=True):
        """What a user types on the host of member `at`."""
        environment = {**os.environ, 'KAPACITOR_URL': 'http://' + self.address(at, 'http'), 'KAPACITOR_CONFIG_PATH': self.conf(at)}
        shown = ' '.join(w.replace(self.dir + '/', '') for w in words)
        print('        %s$ %s' % (at, shown), flush=True)
        done = subprocess.run([os.path.join(self.programs, words[0]), *words[1:]], env=environment, capture_output=True, text=True)
        if show:
            for line in done.stdout.splitlines():
                print('        ' + line, flush=True)
        check('`%s` succeeds' % shown, done.returncode == 0, done.stderr.strip())
        return done.stdout

    def delivered(self):
        """(event id, event time) -> times of arrival."""
        copies = collections.defaultdict(list)
        with open(self.deliveries) as f:
            for line in f:
                alert = json.loads(line)
                copies[alert['id'], alert['time']].append(alert['arrived'])
        return copies

    def all_alive(self, names):
        def ask():
            for name in names:
                members = self.cluster(name)['members']
                if len(members) != len(names) or any(m['status'] != 'alive' or not m['ready'] for m in members):
                    return False
            return True
        until('%s see each other alive and ready' % ', '.join(names), ask)

    def point(self, members):
        """Writes one point over the threshold; how many seconds until its alert arrived."""
        before, written = set(self.delivered()), time.time()
        line = b'cpu,host=web usage=97.5 %d' % (int(written * 1e6) * 1000)
        if self.influx:
            http(self.influx_url + '/write?db=telegraf', line)
        else:
            for name in members:
                self.api(name, '/write?db=telegraf&rp=autogen', line)
        new = until('the alert is delivered', lambda: set(self.delivered()) - before)
        check('one alert', len(new) == 1, new)
        return min(self.delivered()[new.pop()]) - written

    def nothing_more(self):
        """Each member's turn for what was raised so far has passed, and every alert has one copy."""
        last = time.time()
        until('a quiet time', lambda: time.time() > last + DELAY * len(NAMES))
        copies = self.delivered()
        check('one copy of each alert', all(len(c) == 1 for c in copies.values()), dict(copies))
        return len(copies)


def form(world):
    say('Three members start, each for itself.')
    for name in NAMES:
        world.start_member(name)
    world.user('one', 'kapacitorctl', 'member', 'list')
    say('The first one takes the other two into its cluster.')
    for name in NAMES[1:]:
        world.user('one', 'kapacitorctl', 'member', 'add', world.address(name, 'rpc'))
    world.all_alive(NAMES)
    lists = [world.user(name, 'kapacitorctl', 'member', 'list', show=name == 'three') for name in NAMES]
    rows = [text.splitlines()[3:] for text in lists]
    check('every member lists the same three', rows[0] == rows[1] == rows[2] and len(rows[0]) == 4, rows)


def define(world, receiver):
    say('The task is defined on every member, the handler of its topic once, on any of them.')
    task, handler = os.path.join(world.dir, 'cpu.tick'), os.path.join(world.dir, 'to-receiver.yaml')
    with open(task, 'w') as f:
        f.write(TASK)
    with open(handler, 'w') as f:
        f.write(HANDLER.format(url=receiver))
    for name in NAMES:
        world.user(name, 'kapacitor', 'define', 'cpu', '-tick', task)
        world.user(name, 'kapacitor', 'enable', 'cpu')
    world.user('two', 'kapacitor', 'define-topic-handler', handler)
    for name in NAMES:
        has = lambda: json.loads(world.api(name, '/alerts/topics/cpu/handlers'))['handlers']
        until('member %s has the handler' % name, has, 1.0)
    if world.influx:
        say('InfluxDB sends every point to each member: each has made its own subscription.')
        answer = until('three subscriptions', lambda: subscriptions(world))
        for name, destination in answer:
            print('        %s -> %s' % (name, destination))
        check('one subscription per member', len({d for _, d in answer}) == 3, answer)


def subscriptions(world):
    rows = []
    for series in world.influx_query('SHOW SUBSCRIPTIONS')['results'][0].get('series', []):
        if series['name'] == 'telegraf':
            rows += [(row[1], ' '.join(row[3])) for row in series['values']]
    return rows if len(rows) == 3 else None


def fail_over(world):
    say('A point above the threshold reaches every member.')
    took = world.point(NAMES)
    raised = [world.metric(name, 'kapacitor_alert_events_raised_total') for name in NAMES]
    until('every member has raised it', lambda: all(world.metric(n, 'kapacitor_alert_events_raised_total') == 1 for n in NAMES))
    world.nothing_more()
    say('Three alerts were raised, one was delivered, after %.0f ms.' % (took * 1000))
    actor = [name for name in NAMES if world.metric(name, 'kapacitor_alert_primary_handled_total') > 0]
    check('one member handled it', len(actor) == 1, (actor, raised))
    actor, others = actor[0], [name for name in NAMES if name not in actor]
    # Killed before the alert comes it is out of the line at once, for the others see its connections break.
    say('Member %s handled it. It hangs as the next alert comes, and is killed then.' % actor)
    print('        $ kill -STOP %d; sleep 0.5; kill -9 %d' % ((world.processes[actor].pid,) * 2))
    world.processes[actor].send_signal(signal.SIGSTOP)
    killed = threading.Timer(0.5, lambda: world.end(actor, signal.SIGKILL))
    killed.start()
    took = world.point(others)
    killed.join()
    check('the next in line waits for delay-per-member, not longer', DELAY * 0.8 < took < DELAY + 3, took)
    world.nothing_more()
    say('The next alert was delivered once all the same, after %.1f s: delay-per-member is %g s.' % (took, DELAY))
    status = lambda: {m['rpc-address']: m['status'] for m in world.cluster(others[0])['members']}
    until('the dead member is seen', lambda: status()[world.address(actor, 'rpc')] == 'failed')
    world.user(others[0], 'kapacitorctl', 'member', 'list')
    say('Member %s is started again, and nothing else is done.' % actor)
    world.start_member(actor)
    world.all_alive(NAMES)
    world.user(actor, 'kapacitorctl', 'member', 'list')
    took = world.point(NAMES)
    world.nothing_more()
    say('It is back by itself; an alert that all raised was delivered once, after %.0f ms.' % (took * 1000))


def remove(world):
    say('A member is removed.')
    leaver = world.cluster('three')
    world.user('one', 'kapacitorctl', 'member', 'remove', leaver['member-id'])
    world.all_alive(NAMES[:2])
    alone = lambda: world.cluster('three')['state'] == 'uninitialized'
    until('the removed member is on its own', alone)
    check('it keeps its id', world.cluster('three')['member-id'] == leaver['member-id'])
    world.user('three', 'kapacitorctl', 'member', 'list')
    world.user('one', 'kapacitorctl', 'member', 'list')
    took = world.point(NAMES)
    say('The cluster of two goes on: one alert, after %.0f ms.' % (took * 1000))


def tell(world):
    receiver = world.start_receiver()
    say('A process of its own receives alerts at %s.' % receiver)
    if world.influx:
        world.start_influxd()
        say('A real influxd runs at %s.' % world.influx_url)
    form(world)
    define(world, receiver)
    fail_over(world)
    remove(world)
    n = world.nothing_more()
    check('four alerts', n == 4, n)
    say('Verdict: %d alerts in the file of the receiver, one copy of each.' % n)
    for name in [*NAMES, 'receiver'] + ['influxd'] * world.influx:
        world.end(name)


def main():
    p = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    p.add_argument('--programs', required=True, help='directory of kapacitord, kapacitorctl and kapacitor')
    p.add_argument('--influx', action='store_true', help='take the points from a real influxd')
    a = p.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    world = World(a.programs, a.influx)
    try:
        tell(world)
    except (Untrue, OSError) as e:
        print('\nNOT AS TOLD: %s' % e, file=sys.stderr)
        for name in NAMES:
            log = os.path.join(world.dir, name + '.log')
            if os.path.exists(log):
                lines = open(log, errors='replace').read().splitlines()[-15:]
                print('--- %s said last:\n%s' % (name, '\n'.join(lines)), file=sys.stderr)
        return 1
    finally:
        world.close()
    say('Everything was as told. Nothing is left running.')
    return 0


if __name__ == '__main__':
    sys.exit(main())
