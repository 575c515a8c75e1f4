#!/usr/bin/env python3
"""How long from a point over the threshold to its alert at the receiver, in a cluster and with one member.

latency.py --programs DIR [--members 1,3] [--rate 1000] [--seconds 60] [--delay 10] [--data DIR]

Members run on loopback, the receiver answers each POST after 5 ms. Every member is sent the same points at nearly the
same time, as InfluxDB's subscriptions do: `rate` points a second in requests of ten, 1 000 groups, each point an alert of
a persisted topic with one post handler. Measured is the time from just before the first member is sent a point to the
arrival of its alert; then until every member's turn for the last alert has passed, so that late copies are seen.
Prints a line per number of members. Exit code 1 when an alert was lost or had a copy, or p99 is not below the floor.
"""
import argparse, collections, http.client, os, shutil, socket, sys, tempfile, threading, time
from member import Member, at, form
from receiver import Receiver

FLOOR_MS = 30.0                             # p99 with three members
BURST, GROUPS = 10, 1000                    # points per request, groups
TASK = ("dbrp \"d\".\"r\"\nstream|from().measurement('cpu').groupBy('host')"
        "|alert().crit(lambda: \"n\" >= 0).message('{{ index .Fields \"n\" }}').topic('t')")


def write(members, rate, seconds):
    """Sends every member the same points at the same pace; when each request was first begun, per number of the request."""
    requests, begun, problems = rate * seconds // BURST, {}, []
    start, wall = time.monotonic() + 0.2, time.time_ns()

    def feed(member):
        c = http.client.HTTPConnection('127.0.0.1', member.http, timeout=30)
        c.connect()
        c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for k in range(requests):
            due = start + k * BURST / rate
            lines = '\n'.join('cpu,host=h%d n=%di %d' % (n % GROUPS, n, wall + n * 1_000_000) for n in range(k * BURST, (k + 1) * BURST))
            pause = due - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            begun.setdefault(k, time.monotonic())
            c.request('POST', '/kapacitor/v1/write?db=d&rp=r', body=lines)
            r = c.getresponse()
            r.read()
            if r.status != 204:
                problems.append(r.status)

    threads = [threading.Thread(target=feed, args=(m,)) for m in members]
    [t.start() for t in threads]
    [t.join() for t in threads]
    if problems:
        sys.exit('writes refused: %s' % problems[:3])
    return begun, requests * BURST


def measure(a, count):
    dir, receiver = tempfile.mkdtemp(prefix='latency-', dir=a.data), Receiver()
    members = []
    try:
        for i in range(count):
            members.append(Member(a.programs, os.path.join(dir, str(i)), a.delay, a.level))
        form(members, TASK, [{'id': 'h', 'kind': 'post', 'options': {'url': receiver.url + '/ok'}}])
        cpu = [m.cpu() for m in members]
        begun, points = write(members, a.rate, a.seconds)
        cpu = [m.cpu() - before for m, before in zip(members, cpu)]
        end = time.monotonic() + 10
        while receiver.ask('/count') < points and time.monotonic() < end:
            time.sleep(0.2)
        time.sleep(a.delay * (count - 1) + 1)                        # every other member's turn
        seen = receiver.ask('/seen')
        return report(a, count, members, begun, points, seen, cpu)
    finally:
        for m in members:
            m.process.kill()
            m.process.wait()
        receiver.close()
        if not a.keep:
            shutil.rmtree(dir, ignore_errors=True)
        else:
            print('kept', dir)


def report(a, count, members, begun, points, seen, cpu):
    arrivals = collections.defaultdict(list)
    for message, when, connection in seen['arrivals']:
        arrivals[int(message)].append((when, connection))
    took = sorted((min(w)[0] - begun[n // BURST]) * 1000 for n, w in arrivals.items())
    late = sorted(x * 1000 for x in seen['late'])
    lost = [n for n in range(points) if n not in arrivals]
    copies = {n: w for n, w in arrivals.items() if len(w) > 1}
    print('members %d: raise -> received p50 %.1f, p99 %.1f, p99.9 %.1f, max %.1f ms; %d alerts, %d lost, %d with copies; '
          'CPU of all members %.0f us per alert; the receiver itself was late p99 %.1f, max %.1f ms'
          % (count, at(took, .5), at(took, .99), at(took, .999), took[-1] if took else float('nan'), points, len(lost), len(copies),
             sum(c.total() for c in cpu) * 1e6 / points, at(late, .99), late[-1] if late else 0), flush=True)
    if copies or lost or a.verbose:
        for n, w in list(copies.items())[:10]:
            print('  copy of %d: %s' % (n, [('%.1f ms' % ((t - begun[n // BURST]) * 1000), 'connection %d' % c) for t, c in w]))
        print('  lost', lost[:20])
        for m, c in zip(members, cpu):
            print('  us of CPU per alert', {k: round(v * 1e6 / points) for k, v in c.most_common()})
            print('  ', {k: int(v) for k, v in sorted(m.metrics().items()) if k.startswith(('kapacitor_alert', 'kapacitor_rpc')) and v})
    if a.series:
        with open(a.series, 'w') as f:
            for n in range(points):
                for t, c in arrivals.get(n, []):
                    f.write('%d %.3f %.2f %d\n' % (n, begun[n // BURST], (t - begun[n // BURST]) * 1000, c))
    return not lost and not copies and (count != 3 or at(took, .99) < FLOOR_MS)


def main():
    p = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    p.add_argument('--programs', required=True, help='directory of kapacitord')
    p.add_argument('--members', default='1,3')
    p.add_argument('--rate', type=int, default=1000, help='points a second')
    p.add_argument('--seconds', type=int, default=60)
    p.add_argument('--delay', type=float, default=10, help='delay-per-member, seconds')
    p.add_argument('--level', default='WARN', help='of the members\' logs')
    p.add_argument('--data', default=None, help='where data directories are made')
    p.add_argument('--series', help='file for one line per alert: number, begun, ms, connection')
    p.add_argument('--keep', action='store_true', help='keep the data directories and logs')
    p.add_argument('--verbose', action='store_true')
    a = p.parse_args()
    a.programs = os.path.abspath(a.programs)
    return 0 if all([measure(a, int(n)) for n in a.members.split(',')]) else 1


if __name__ == '__main__':
    sys.exit(main())
