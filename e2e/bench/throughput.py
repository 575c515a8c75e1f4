#!/usr/bin/env python3
"""How many alert events a second a cluster of three takes to their end, durably.

throughput.py --programs DIR [--members 3] [--events 120000] [--topics 100] [--data DIR] [--spread]

Members on loopback, redundancy 0: every event is durable on every member and done on every member before it counts. The
handler writes a line to a file, which is as near to a receiver that answers at once as a receiver can be: clients, receiver
and all members share the machine. Every member is sent every point, as subscriptions do (--spread: each point to one member
only), in requests of a thousand, never more than 20 000 events ahead of what has been handled. Prints events per second
from the first request to the last event done everywhere. Exit code 1 when events were lost, doubled, or the floor is missed.
"""
import argparse, http.client, os, shutil, sys, tempfile, threading, time
from member import Member, form

FLOOR, BURST, AHEAD, HOSTS = 8000.0, 1000, 20_000, 1000


def script(topics):
    """A task with an alert per topic, each about a measurement of its own."""
    alert = "stream|from().measurement('cpu%d').groupBy('host')|alert().crit(lambda: \"n\" >= 0).message('{{ index .Fields \"n\" }}').topic('t%d')"
    return '\n'.join(['dbrp "d"."r"'] + [alert % (t, t) for t in range(topics)])


def handled(members):
    names = ('kapacitor_alert_primary_handled_total', 'kapacitor_alert_secondary_handled_total')
    return sum(m.metrics()[name] for m in members for name in names)


def feed(a, members, share):
    """Points for these members; `share` says which member gets which request."""
    progress, stop, problems = [0.0], threading.Event(), []

    def watch():
        while not stop.wait(0.1):
            progress[0] = handled(members)

    def send(number, m):
        c = http.client.HTTPConnection(m.host, m.http, timeout=60)
        for k in range(a.events // BURST):
            if not share(k, number):
                continue
            while k * BURST > progress[0] + AHEAD:
                time.sleep(0.005)
            lines = '\n'.join('cpu%d,host=h%d n=%di %d' % (n % a.topics, n % HOSTS, n, wall0 + n * 1000) for n in range(k * BURST, (k + 1) * BURST))
            c.request('POST', '/kapacitor/v1/write?db=d&rp=r', body=lines)
            r = c.getresponse()
            r.read()
            if r.status != 204:
                problems.append(r.status)

    wall0 = time.time_ns()
    threads = [threading.Thread(target=send, args=(i, m)) for i, m in enumerate(members)]
    watcher = threading.Thread(target=watch)
    begun = time.monotonic()
    [t.start() for t in [*threads, watcher]]
    [t.join() for t in threads]
    end = time.monotonic() + 120
    while handled(members) < a.events and time.monotonic() < end:
        time.sleep(0.02)
    took = time.monotonic() - begun
    stop.set()
    watcher.join()
    if problems:
        sys.exit('writes refused: %s' % problems[:3])
    return took


def main():
    p = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    p.add_argument('--programs', required=True, help='directory of kapacitord')
    p.add_argument('--members', type=int, default=3)
    p.add_argument('--events', type=int, default=120_000)
    p.add_argument('--topics', type=int, default=100)
    p.add_argument('--data', default=None, help='where data directories are made')
    p.add_argument('--spread', action='store_true', help='each point to one member only')
    p.add_argument('--pause', action='store_true', help='show the process ids and wait for a line on standard input')
    a = p.parse_args()
    a.programs, dir, members = os.path.abspath(a.programs), tempfile.mkdtemp(prefix='throughput-', dir=a.data), []
    try:
        members = [Member(a.programs, os.path.join(dir, str(i)), 10, 'WARN') for i in range(a.members)]
        topics = ['t%d' % t for t in range(a.topics)]
        form(members, script(a.topics), [{'id': 'h', 'kind': 'log', 'options': {'path': os.path.join(dir, 'alerts')}}], topics)
        if a.pause:
            print(*[m.process.pid for m in members], flush=True)
            sys.stdin.readline()
        cpu = [m.cpu() for m in members]
        share = (lambda k, number: k % a.members == number) if a.spread else (lambda k, number: True)
        took = feed(a, members, share)
        cpu = [m.cpu() - before for m, before in zip(members, cpu)]
        time.sleep(1)
        lines = sum(1 for _ in open(os.path.join(dir, 'alerts'), 'rb'))
        rate = a.events / took
        print('%d members, %s: %.0f events/s (floor %.0f); %d lines for %d events; CPU of all members %.0f us per event'
              % (a.members, 'each point to one' if a.spread else 'each point to all', rate, FLOOR, lines, a.events,
                 sum(c.total() for c in cpu) * 1e6 / a.events))
        for m, c in zip(members, cpu):
            print('  us of CPU per event', {k: round(v * 1e6 / a.events) for k, v in c.most_common(6)})
        return 0 if lines == a.events and rate >= FLOOR else 1
    finally:
        for m in members:
            m.kill()
        shutil.rmtree(dir, ignore_errors=True)


if __name__ == '__main__':
    sys.exit(main())
