"""A member as a process, for measurements: its configuration, its HTTP API, its metrics and its use of the CPU."""
import collections, contextlib, http.client, json, os, random, socket, subprocess, sys, time

CONF = '''hostname = "{host}"
data_dir = "{dir}/data"
[http]
  bind-address = "{host}:{http}"
  log-enabled = false
[rpc]
  bind-address = "{host}:{rpc}"
[cluster]
  bind-address = "{host}:{gossip}"
[alert]
  delay-per-member = "{delay:g}s"
[logging]
  file = "{dir}/log"
  level = "{level}"
[[influxdb]]
  enabled = false
'''


def free_ports(n):
    """Free now, and below those that the kernel gives to connections."""
    with contextlib.ExitStack() as stack:
        ports = []
        for port in random.sample(range(10_000, 32_000), 1000):
            s = stack.enter_context(socket.socket())
            try:
                s.bind(('127.0.0.1', port))
            except OSError:
                continue
            ports.append(port)
            if len(ports) == n:
                return ports
    sys.exit('no free ports')


class Server:
    """A process with a command and a directory, which can be killed and started again."""
    def start(self):
        with open(os.path.join(self.dir, 'out'), 'ab') as out:
            self.process = subprocess.Popen(self.command, stdout=out, stderr=out)

    def kill(self):
        self.process.kill()
        self.process.wait()


class Member(Server):
    def __init__(self, programs, dir, delay, level, host='127.0.0.1', ports=None, within=()):
        """`within`: a command that runs the program somewhere else, as in a network namespace."""
        os.makedirs(dir, exist_ok=True)
        self.dir, self.host, self.within = dir, host, list(within)
        self.http, self.rpc, gossip = ports or free_ports(3)
        conf = os.path.join(dir, 'kapacitor.conf')
        with open(conf, 'w') as f:
            f.write(CONF.format(dir=dir, host=host, http=self.http, rpc=self.rpc, gossip=gossip, delay=delay, level=level))
        self.command = [*self.within, os.path.join(programs, 'kapacitord'), '-config', conf]
        self.start()

    def call(self, method, path, data=None):
        c = http.client.HTTPConnection(self.host, self.http, timeout=30)
        token = os.path.join(self.dir, 'data', 'admin.token')           # of this member: changes of the cluster need it
        headers = {'Authorization': 'Bearer ' + open(token).read().strip()} if os.path.exists(token) else {}
        c.request(method, path, None if data is None else json.dumps(data), headers)
        r = c.getresponse()
        text = r.read()
        if r.status >= 300:
            raise OSError('%s %s: %d %s' % (method, path, r.status, text[:300]))
        return text.decode()

    def write(self, lines):
        c = http.client.HTTPConnection(self.host, self.http, timeout=30)
        c.request('POST', '/kapacitor/v1/write?db=d&rp=r', body=lines)
        status = c.getresponse().status
        if status != 204:
            raise OSError('write: %d' % status)

    def metrics(self):
        """Name -> sum over labels."""
        sums = collections.Counter()
        for line in self.call('GET', '/metrics').splitlines():
            if not line.startswith('#'):
                name, _, value = line.rpartition(' ')
                sums[name.partition('{')[0]] += float(value)
        return sums

    def cpu(self):
        """Seconds of CPU per thread name."""
        seconds, tasks = collections.Counter(), '/proc/%d/task' % self.process.pid
        for task in os.listdir(tasks):
            name, _, rest = open(os.path.join(tasks, task, 'stat')).read().partition('(')[2].rpartition(')')
            fields = rest.split()
            seconds[name.rstrip('0123456789')] += (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')
        return seconds


def until(what, ask, within=30.0):
    end = time.monotonic() + within
    while True:
        try:
            if ask():
                return
        except OSError:
            pass
        if time.monotonic() > end:
            sys.exit('not within %g s: %s' % (within, what))
        time.sleep(0.05)


def form(members, task, handlers, topics=('t',)):
    """One cluster of these members: the task on each, the handlers on the topics once, all alive and ready."""
    for m in members:
        until('a member serves', lambda: m.call('GET', '/kapacitor/v1/ping') == '')
    for m in members[1:]:
        members[0].call('POST', '/kapacitor/v1/cluster/members', {'rpc-address': '%s:%d' % (m.host, m.rpc)})
    for m in members:
        m.call('POST', '/kapacitor/v1/tasks', {'id': 'k', 'type': 'stream', 'script': task, 'status': 'enabled'})
    for topic in topics:
        for handler in handlers:
            members[0].call('POST', '/kapacitor/v1/alerts/topics/%s/handlers' % topic, handler)
    for m in members:
        for topic in topics:
            path = '/kapacitor/v1/alerts/topics/%s/handlers' % topic
            until('a member has the handlers', lambda: json.loads(m.call('GET', path))['handlers'])
    settle(members)


def settle(members):
    """All members show all as alive and ready."""
    def settled(m):
        seen = json.loads(m.call('GET', '/kapacitor/v1/cluster'))['members']
        return len(seen) == len(members) and all(s['status'] == 'alive' and s['ready'] for s in seen)
    for m in members:
        until('all are alive', lambda: settled(m), 60)


def at(values, share):
    """The value below which a share of the sorted values lies."""
    return values[min(len(values) - 1, int(len(values) * share))] if values else float('nan')
