#!/usr/bin/env python3
"""Whether handlers that misbehave slow down other handlers and tasks.

isolation.py --programs DIR [--rounds 5] [--seconds 4] [--data DIR]

Two members run the same tasks and get the same events: six handlers, of which five answer at once on the first member,
while on the second one hangs, one answers 500, one refuses connections, one never ends its answer and one runs a program
that does not end. They take turns of `seconds`, so that both see the same machine. Compared are the sixth handler (500
events a second) and a task that is given points as fast as it takes them. Exit code 1 when one of them keeps less than 90 %
of its pace.
"""
import argparse, os, shutil, socket, sys, tempfile, threading, time
import http.client, json
from member import Member, at, until
from receiver import Receiver

FLOOR = 0.9
BURST, INTERVAL = 5, 0.01                   # events of the sixth handler per request, one of each other; seconds between requests
KINDS = ['hang', 'refuse', 'closed', 'endless', 'program']
TASK = ("dbrp \"d\".\"r\"\nstream|from().measurement('{0}').groupBy('host')"
        "|alert().crit(lambda: \"n\" >= 0).message('{{{{ index .Fields \"n\" }}}}').topic('{0}')")
BUSY = "dbrp \"busy\".\"r\"\nstream|from().measurement('cpu')|where(lambda: \"value\" > 1000.0)|log()"
BODY = '\n'.join('cpu,host=h%d value=%d.5 %d' % (i % 200, i % 100, 1_600_000_000_000_000_000 + i) for i in range(5000)).encode()


class Side:
    """A member, its receiver, and what was seen of them."""

    def __init__(self, a, dir, misbehave):
        self.receiver = Receiver()
        self.member = Member(a.programs, dir, 10, 'ERROR')
        self.misbehave, self.sent, self.delivered, self.points, self.time, self.took = misbehave, 1, 0, 0, 0.0, []

    def define(self):
        until('the member serves', lambda: self.member.call('GET', '/kapacitor/v1/ping') == '')
        with socket.socket() as s:
            s.bind(('127.0.0.1', 0))
            closed = 'http://127.0.0.1:%d/' % s.getsockname()[1]
        self.task('busy', BUSY)
        for kind in ['good', *KINDS]:
            self.task(kind, TASK.format(kind))
            url = self.receiver.url + '/ok'
            if self.misbehave and kind != 'good':
                url = closed if kind == 'closed' else self.receiver.url + '/' + kind
            handler = {'id': 'h', 'kind': 'post', 'options': {'url': url}}
            if kind == 'program':
                # Longer than an attempt may last, but not for ever: it ends by itself after us.
                handler = {'id': 'h', 'kind': 'exec', 'options': {'prog': '/bin/sleep', 'args': ['60' if self.misbehave else '0']}}
            self.member.call('POST', '/kapacitor/v1/alerts/topics/%s/handlers' % kind, handler)

    def task(self, id, script):
        self.member.call('POST', '/kapacitor/v1/tasks', {'id': id, 'type': 'stream', 'script': script, 'status': 'enabled'})

    def collected(self):
        stats = json.loads(self.member.call('GET', '/kapacitor/v1/tasks/busy'))['stats']['node-stats']
        return min(v['collected'] for k, v in stats.items() if k.startswith('where'))

    def turn(self, seconds):
        end, begun = time.monotonic() + seconds, {}
        before, points = len(self.arrivals()), self.collected()
        threads = [threading.Thread(target=t, args=(end, begun)) for t in (self.events, self.load)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        self.points += self.collected() - points
        self.time += seconds
        time.sleep(0.5)
        for message, when, _ in self.arrivals()[before:]:
            if int(message) in begun:
                self.delivered += 1
                self.took.append((when - begun[int(message)]) * 1000)

    def arrivals(self):
        """Those of the sixth handler: events of the others have no number."""
        return [arrival for arrival in self.receiver.ask('/seen')['arrivals'] if int(arrival[0]) > 0]

    def events(self, end, begun):
        c, due = self.connect(), time.monotonic()
        while due < end:
            now, wall = time.monotonic(), time.time_ns()
            for n in range(self.sent, self.sent + BURST):
                begun[n] = now
            lines = ['good,host=h%d n=%di %d' % (n % 500, n, wall) for n in range(self.sent, self.sent + BURST)]
            lines += ['%s,host=h%d n=0i %d' % (kind, self.sent % 1000, wall) for kind in KINDS]
            self.sent += BURST
            self.post(c, 'd', '\n'.join(lines))
            due += INTERVAL
            time.sleep(max(0.0, due - time.monotonic()))

    def load(self, end, _):
        c = self.connect()
        while time.monotonic() < end:
            self.post(c, 'busy', BODY)

    def connect(self):
        c = http.client.HTTPConnection('127.0.0.1', self.member.http, timeout=30)
        c.connect()
        c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return c

    def post(self, c, database, body):
        c.request('POST', '/kapacitor/v1/write?db=%s&rp=r' % database, body=body)
        r = c.getresponse()
        r.read()
        if r.status != 204:
            raise OSError('write refused: %d' % r.status)

    def close(self):
        self.member.process.kill()
        self.member.process.wait()
        self.receiver.close()


def main():
    p = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    p.add_argument('--programs', required=True, help='directory of kapacitord')
    p.add_argument('--rounds', type=int, default=5)
    p.add_argument('--seconds', type=float, default=4.0)
    p.add_argument('--data', default=None, help='where data directories are made')
    a = p.parse_args()
    a.programs = os.path.abspath(a.programs)
    dir, sides = tempfile.mkdtemp(prefix='isolation-', dir=a.data), []
    try:
        for misbehave in (False, True):
            sides.append(Side(a, os.path.join(dir, str(misbehave)), misbehave))
            sides[-1].define()
            sides[-1].turn(1.0)
        for side in sides:
            side.delivered, side.points, side.time, side.took = 0, 0, 0.0, []
        for _ in range(a.rounds):
            for side in sides:
                side.turn(a.seconds)
    finally:
        for side in sides:
            side.close()
        shutil.rmtree(dir, ignore_errors=True)
    for side, name in zip(sides, ('all answer', 'five misbehave')):
        took = sorted(side.took)
        print('%-15s %6.0f events/s delivered, p50 %.1f, p99 %.1f ms; %9.0f points/s of the busy task'
              % (name, side.delivered / side.time, at(took, .5), at(took, .99), side.points / side.time), flush=True)
    kept = [sides[1].delivered / sides[0].delivered, sides[1].points / sides[0].points]
    print('kept: %.0f %% of the deliveries, %.0f %% of the points' % (kept[0] * 100, kept[1] * 100))
    return 0 if min(kept) >= FLOOR else 1


if __name__ == '__main__':
    sys.exit(main())
