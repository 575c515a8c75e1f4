#!/usr/bin/env python3
"""Black-box conformance runner for a Kapacitor-compatible daemon (API, alerts, handlers, CLI, batch, subscriptions).

run_api.py --kapacitord PATH_OR_CMD [--cli PATH] [--influxd PATH] [--filter RE] [--jobs N] [--record] DIR

Every case gets a fresh daemon in its own temporary directory. See README.md beside the cases for the step format.
"""
import cases as corpus
import argparse, contextlib, concurrent.futures, email, email.policy, glob, gzip, http.client, http.server, itertools, json, os, re, shlex, shutil
import signal, socket, socketserver, subprocess, sys, tempfile, threading, time, urllib.parse
from datetime import datetime, timezone

UUID = r'[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
RFC = r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)'
CLIT = r'\d\d [A-Z][a-z]{2} \d\d \d\d:\d\d [A-Z+\-0-9]+'
TOK = {'any': r'.*?', 'uuid': UUID, 'time': '(?:%s|%s)' % (RFC, CLIT), 'int': r'-?\d+', 'float': r'-?[0-9.eE+\-]+', 'size': r'[0-9.]+ ?[kMG]?i?B'}
VOLNUM = {'avg_exec_time_ns', 'size', 'throughput'}
NOREC = object()
# ---------------------------------------------------------------- comparing
def text_rx(s):
    return ''.join(TOK[p[2:-2]] if i % 2 else re.escape(p) for i, p in enumerate(re.split(r'(<<(?:%s)>>)' % '|'.join(TOK), s)))

def match(e, a, b, at='$'):
    """None when the actual value a fits the expectation e, else the first difference."""
    if isinstance(e, str) and e.startswith('$'):
        k = e[1:]
        if k == 'any': return None
        if k.startswith('bind:'): b[k[5:]] = a; return None
        if k in b: return None if b[k] == a else '%s: want bound %r got %r' % (at, b[k], a)
        num = isinstance(a, (int, float)) and not isinstance(a, bool)
        ok = {'uuid': lambda: isinstance(a, str) and re.fullmatch(UUID, a), 'time': lambda: isinstance(a, str) and re.fullmatch(RFC, a),
              'float': lambda: num, 'num': lambda: num, 'int': lambda: num and a == int(a), 'string': lambda: isinstance(a, str),
              'bool': lambda: isinstance(a, bool), 'nonempty': lambda: bool(a)}.get(k)
        if k.startswith('re:'): ok = lambda: isinstance(a, str) and re.fullmatch(k[3:], a, re.S)
        if ok: return None if ok() else '%s: want %s got %s' % (at, e, json.dumps(a)[:300])
    if isinstance(e, dict):
        if not isinstance(a, dict): return '%s: want object got %s' % (at, json.dumps(a)[:200])
        sub = e.get('$subset')
        for k, v in e.items():
            if k == '$subset': continue
            if k not in a: return '%s: key %r missing' % (at, k)
            d = match(v, a[k], b, at + '.' + k)
            if d: return d
        if not sub and set(a) - set(e): return '%s: extra key %r' % (at, sorted(set(a) - set(e))[0])
        return None
    if isinstance(e, list):
        if not isinstance(a, list): return '%s: want list got %s' % (at, json.dumps(a)[:200])
        for i, (x, y) in enumerate(zip(e, a)):
            d = match(x, y, b, '%s[%d]' % (at, i))
            if d: return d
        if len(e) != len(a): return '%s: want %d items got %d: %s' % (at, len(e), len(a), json.dumps(a[len(e):] or a)[:200])
        return None
    if isinstance(e, str) and '<<' in e: return None if isinstance(a, str) and re.fullmatch(text_rx(e), a, re.S) else '%s: want %r got %r' % (at, e[:400], a if a is None else a[:400])
    if type(e) is bool or type(a) is bool or e is None or a is None: return None if e is a else '%s: want %r got %r' % (at, e, a)
    return None if e == a else '%s: want %s got %s' % (at, json.dumps(e)[:400], json.dumps(a)[:400])
# ---------------------------------------------------------------- recording
def generalise(v, key=''):
    """Turn volatile parts of a fresh observation into placeholders."""
    if isinstance(v, dict): return {k: generalise(x, k) for k, x in v.items()}
    if isinstance(v, list): return [generalise(x, key) for x in v]
    if isinstance(v, (int, float)) and not isinstance(v, bool) and key in VOLNUM: return '$num'
    if not isinstance(v, str): return v
    if re.fullmatch(UUID, v): return '$uuid'
    if re.fullmatch(RFC, v) and abs(time.time() - datetime.fromisoformat(v[:19]).replace(tzinfo=timezone.utc).timestamp()) < 200000: return '$time'
    w = re.sub(RFC, lambda m: '<<time>>' if m.group().startswith(str(datetime.now().year)) else m.group(), re.sub(UUID, '<<uuid>>', v))
    w = re.sub(CLIT, '<<time>>', w)
    w = re.sub(r'(Usage: kapacitor).*', r'\1<<any>>', w, flags=re.S) if key in ('stdout', 'stderr') else w
    w = re.sub(r'((?:finished|running|failed) )[0-9.]+ [kM]?B\b', r'\1<<size>>', re.sub(r'(\nVersion: ).*', r'\1<<any>>', w))
    w = re.sub(r'(avg_exec_time_ns=\\?")[^"\\]*', r'\1<<any>>', w)
    w = re.sub(r'((?:kapacitor_loopback|influxdb_out)\d+ \[)[^\]]*', r'\1<<any>>', re.sub(r'(Names in scope: ).*', r'\1<<any>>', w))
    return re.sub(r'(throughput=\\?")[^"\\]*', r'\1<<any>>', w)

def soft(v, key=''):
    """Counters of running graphs appear lazily: keep only the structure."""
    if key == 'stats' and isinstance(v, dict) and v.get('node-stats'): return '$any'
    if isinstance(v, dict): return {k: soft(x, k) for k, x in v.items()}
    if isinstance(v, list): return [soft(x) for x in v]
    return re.sub(r'(\w+ (?:-> \w+ )?\[)[^\]]*', r'\1<<any>>', v) if isinstance(v, str) and v.startswith('digraph') else v

def merge(old, new, key=''):
    """Golden from a further observation: keeps placeholders that still fit, widens what changed."""
    if isinstance(old, dict) and isinstance(new, dict):
        if old.get('$subset'): return {k: (True if k == '$subset' else merge(v, new[k], k)) for k, v in old.items() if k == '$subset' or k in new}
        return {k: merge(old[k], v, k) if k in old else generalise(v, k) for k, v in new.items()}
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new): return [merge(x, y, key) for x, y in zip(old, new)]
    if isinstance(old, str) and old[:1] == '$' and not match(old, new, {}) or isinstance(old, str) and old.startswith(('$bind:', '$re:')): return old
    if match(old, new, {}) is None: return old
    g = generalise(new, key)
    if g == old or isinstance(new, (dict, list)): return g
    print('   widened %s: %s / %s' % (key, json.dumps(old)[:100], json.dumps(new)[:100]))
    return '$any'
# ---------------------------------------------------------------- fake endpoints
class Sinks:
    def __init__(self):
        self.got, self.replies, self.ports = {}, {}, {}
        me = self
        class H(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'
            def go(self):
                if self.headers.get('Transfer-Encoding') == 'chunked':
                    body, n = b'', 1
                    while n:
                        n = int(self.rfile.readline().strip() or b'0', 16); body += self.rfile.read(n); self.rfile.readline()
                else: body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
                name = self.path.split('/')[1].split('?')[0]
                e = {'method': self.command, 'path': self.path, 'headers': {k.title(): v for k, v in self.headers.items()}, 'raw': body.decode('utf-8', 'replace')}
                r = me.replies.get(name, {})
                if isinstance(r, list): r = r[min(len(me.got.get(('http', name), [])), len(r) - 1)]
                me.add('http', name, e)
                out = r.get('body', '').encode()
                self.send_response(r.get('status', 200))
                for k, v in r.get('headers', {'Content-Type': 'application/json'}).items(): self.send_header(k, v)
                if r.get('status') != 204: self.send_header('Content-Length', str(len(out)))
                self.end_headers(); self.wfile.write(out if r.get('status') != 204 else b'')
            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = go
            def log_message(self, *a): pass
        S = type('S', (http.server.ThreadingHTTPServer,), {'daemon_threads': True, 'handle_error': lambda *a: None})
        srv = S(('127.0.0.1', 0), H); self.http = srv.server_address[1]
        threading.Thread(target=srv.serve_forever, daemon=True).start()
    def add(self, kind, name, e): self.got.setdefault((kind, name), []).append(e)
    def port(self, kind, name):
        if (kind, name) not in self.ports:
            me = self
            class T(socketserver.StreamRequestHandler):
                def handle(self):
                    buf = b''; self.request.settimeout(4)
                    while d := self.request.recv(65536):
                        buf += d
                        if name == 'sensu' and buf.rstrip().endswith(b'}'): self.request.sendall(b'ok'); break
                    me.add('tcp', name, buf.decode('utf-8', 'replace'))
            class U(socketserver.BaseRequestHandler):
                def handle(self): me.add('udp', name, self.request[0])
            class M(socketserver.StreamRequestHandler):
                def handle(self):
                    say = lambda s: self.wfile.write(s.encode() + b'\r\n')
                    say('220 sink ESMTP'); frm, to = '', []
                    for l in self.rfile:
                        l = l.decode().strip(); c = l[:4].upper()
                        if c == 'EHLO': say('250-sink'); say('250 8BITMIME')
                        elif c == 'MAIL': frm, to = re.search('<(.*?)>', l).group(1), []; say('250 ok')
                        elif c == 'RCPT': to.append(re.search('<(.*?)>', l).group(1)); say('250 ok')
                        elif c == 'DATA':
                            say('354 go'); buf = b''
                            for d in self.rfile:
                                if d == b'.\r\n': break
                                buf += d[1:] if d.startswith(b'..') else d
                            m = email.message_from_bytes(buf, policy=email.policy.default)
                            me.add('smtp', name, {'envelope_from': frm, 'envelope_to': to, 'from': m['From'], 'to': m['To'], 'subject': m['Subject'],
                                                  'content_type': m.get_content_type(), 'body': m.get_content().replace('\r\n', '\n')})
                            say('250 ok')
                        elif c == 'QUIT': say('221 bye'); return
                        else: say('250 ok')
            base = {'udp': socketserver.UDPServer, 'tcp': socketserver.TCPServer}.get(kind, socketserver.ThreadingTCPServer)
            srv = base(('127.0.0.1', 0), {'tcp': T, 'udp': U, 'smtp': M}[kind]); srv.daemon_threads, srv.handle_error = True, lambda *a: None
            threading.Thread(target=srv.serve_forever, daemon=True).start()
            self.ports[(kind, name)] = srv.server_address[1]
        return self.ports[(kind, name)]

def ber(b):
    """Decode BER (enough for an SNMP trap) into nested [tag, value] lists."""
    out = []
    while b:
        tag, n, i = b[0], b[1], 2
        if n & 128: k = n & 127; n = int.from_bytes(b[2:2 + k], 'big'); i += k
        v, b = b[i:i + n], b[i + n:]
        if tag in (0x30, 0xa7, 0xa6, 0xa4): out.append(ber(v)); continue
        if tag == 6:
            o, acc = [v[0] // 40, v[0] % 40], 0
            for c in v[1:]:
                acc = acc << 7 | c & 127
                if not c & 128: o.append(acc); acc = 0
            out.append('.'.join(map(str, o)))
        elif tag == 4: out.append(v.decode('utf-8', 'replace'))
        else: out.append({'tag': tag, 'int': int.from_bytes(v, 'big', signed=tag == 2)})
    return out
# ---------------------------------------------------------------- processes
PORTS = itertools.count(os.getpid() * 61 % 9000)
def free_port():  # below the kernel's ephemeral range, so no outgoing connection can take it meanwhile
    while True:
        with contextlib.closing(socket.socket()) as s:
            p = 20000 + next(PORTS) % 12000
            if s.connect_ex(('127.0.0.1', p)): return p

def request(port, method, path, body=None, headers=None, timeout=30):
    c = http.client.HTTPConnection('127.0.0.1', port, timeout=timeout)
    try:
        c.request(method, urllib.parse.quote(path, safe="/?&=%:+*,;~@!$'()[]|{}^`#\\"), body, headers or {})
        r = c.getresponse(); return r.status, {k.title(): v for k, v in r.getheaders()}, r.read()
    finally: c.close()

def toml(d, prefix=''):
    val = lambda v: json.dumps(v) if not isinstance(v, list) else '[' + ', '.join(json.dumps(x) for x in v) + ']'
    is_arr = lambda v: isinstance(v, list) and v and isinstance(v[0], dict)
    out = ['"%s" = %s' % (k, val(v)) for k, v in d.items() if not isinstance(v, dict) and not is_arr(v)]
    for k, v in d.items():
        if isinstance(v, dict): out += ['[%s%s]' % (prefix, k), toml(v, prefix + k + '.')]
        elif is_arr(v):
            for x in v: out += ['[[%s%s]]' % (prefix, k), toml(x, prefix + k + '.')]
    return '\n'.join(out)

def deep(a, b):
    for k, v in b.items(): a[k] = deep(dict(a[k]), v) if isinstance(v, dict) and isinstance(a.get(k), dict) else v
    return a

class Influx:
    def __init__(self, path):
        self.dir = tempfile.mkdtemp(prefix='ifx'); self.port = free_port()
        conf = {'reporting-disabled': True, 'bind-address': '127.0.0.1:%d' % free_port(), 'meta': {'dir': self.dir + '/meta'},
                'data': {'dir': self.dir + '/data', 'wal-dir': self.dir + '/wal', 'query-log-enabled': False}, 'monitor': {'store-enabled': False},
                'http': {'bind-address': '127.0.0.1:%d' % self.port, 'log-enabled': False}, 'logging': {'level': 'error', 'suppress-logo': True}}
        open(self.dir + '/c.conf', 'w').write(toml(conf))
        self.p = subprocess.Popen([path, '-config', self.dir + '/c.conf'], stdout=subprocess.DEVNULL, stderr=open(self.dir + '/log', 'w'))
        for _ in range(500):
            try:
                if request(self.port, 'GET', '/ping')[0] == 204: return
            except OSError: time.sleep(0.02)
        raise SystemExit('influxd did not start')
    def q(self, q, db=''):
        st, _, b = request(self.port, 'POST', '/query?db=' + db, urllib.parse.urlencode({'q': q}), {'Content-Type': 'application/x-www-form-urlencoded'})
        return st, json.loads(b)
    def clean(self):
        for s in self.q('SHOW DATABASES')[1]['results'][0].get('series', []):
            for v in s.get('values', []): self.q('DROP DATABASE "%s"' % v[0])
    def stop(self): self.p.terminate(); self.p.wait(); shutil.rmtree(self.dir, True)

# A cluster member's private ports: many daemons run at once. The original ignores them.
PRIVATE_PORTS = {'KAPACITOR_CLUSTER_BIND_ADDRESS': '127.0.0.1:0', 'KAPACITOR_RPC_BIND_ADDRESS': '127.0.0.1:0'}

class Daemon:
    def __init__(self, cmd, d, over, influx):
        self.cmd, self.dir, self.port, over = cmd, d, free_port(), dict(over)
        conf = {'hostname': 'localhost', 'data_dir': d + '/data', 'http': {'bind-address': '127.0.0.1:%d' % self.port, 'log-enabled': False},
                'replay': {'dir': d + '/data/replay'}, 'storage': {'boltdb': d + '/data/kapacitor.db'}, 'task': {'dir': d + '/data/tasks'},
                'load': {'enabled': False, 'dir': d + '/load'}, 'logging': {'file': d + '/kapacitord.log', 'level': 'INFO'},
                'reporting': {'enabled': False}, 'stats': {'enabled': False}}
        ifx = {'enabled': False, 'name': 'default', 'default': True, 'urls': ['http://127.0.0.1:1'], 'disable-subscriptions': True, 'startup-timeout': '10s'}
        if influx: ifx.update({'enabled': True, 'urls': ['http://127.0.0.1:%d' % influx.port]})
        ifx = deep(ifx, over.pop('influxdb', {}))
        conf = deep(conf, over); conf['influxdb'] = [ifx]
        os.makedirs(d + '/data', exist_ok=True)
        open(d + '/kapacitor.conf', 'w').write(toml(conf) + '\n')
    def start(self):
        self.p = subprocess.Popen(self.cmd + ['-config', self.dir + '/kapacitor.conf'], stdout=open(self.dir + '/out', 'a'), stderr=subprocess.STDOUT, cwd=self.dir,
                                  env=dict({k: v for k, v in os.environ.items() if not k.startswith('KAPACITOR')}, TMPDIR=self.dir, **PRIVATE_PORTS))
        end = time.time() + 20
        while time.time() < end and self.p.poll() is None:
            try:
                if request(self.port, 'GET', '/kapacitor/v1/ping', timeout=2)[0] in (204, 401): return
            except OSError: pass
            time.sleep(0.01)
        raise AssertionError('daemon did not start: ' + open(self.dir + '/out').read()[-300:])
    def stop(self, sig=signal.SIGKILL):
        self.p.send_signal(sig)
        try: self.p.wait(35)
        except subprocess.TimeoutExpired: self.p.kill(); self.p.wait(); raise AssertionError('no graceful stop within 35 s')
# ---------------------------------------------------------------- one case
EXEC = '#!/bin/sh\nn=$1; shift\nd="%s"; f=$(date +%%s%%N)\n{ printf "%%s\\n" "$*"; cat; } > "$d/.$n.$f"\nmv "$d/.$n.$f" "$d/exec.$n.$f"\n'

class Case:
    def __init__(self, case, a, sinks, influx):
        self.case, self.a, self.s, self.influx = case, a, sinks, influx
        self.b, self.rec, self.t0 = {}, False, int(time.time())
    def vars(self): return {'http': 'http://127.0.0.1:%d' % self.s.http, 'httpaddr': '127.0.0.1:%d' % self.s.http, 'dir': self.dir, 'kap': 'http://127.0.0.1:%d' % self.d.port,
                            'kapport': str(self.d.port), 'exec': self.dir + '/sink.sh', 'influx': 'http://127.0.0.1:%d' % (self.influx.port if self.influx else 1), 'httpport': self.s.http}
    def sub(self, v):
        if isinstance(v, dict): return {self.sub(k): self.sub(x) for k, x in v.items()}
        if isinstance(v, list): return [self.sub(x) for x in v]
        if not isinstance(v, str): return v
        def rep(m):
            k, _, n = m.group(1).partition(':')
            if k in ('tcp', 'udp', 'smtp') and n: return '127.0.0.1:%d' % self.s.port(k, n)
            if k == 'port': return str(self.s.port(*n.split(':')))
            if k == 'b': return str(self.b.get(n, ''))
            if k == 'ns': return str((self.t0 + int(n or 0)) * 10**9)
            if k == 'rfc': return datetime.fromtimestamp(self.t0 + int(n or 0), timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')
            return str(self.vars()[k]) if k in self.vars() else m.group(0)
        r = re.sub(r'\$\{([a-z]+(?::[\w:+-]*)?)\}', rep, v)
        return int(r) if re.fullmatch(r'\$\{port:[\w:]+\}', v) else r
    def unsub(self, v):
        if isinstance(v, dict): return {self.unsub(k): self.unsub(x) for k, x in v.items()}
        if isinstance(v, list): return [self.unsub(x) for x in v]
        if isinstance(v, int) and not isinstance(v, bool): return '${port:smtp:mail}' if v == self.s.ports.get(('smtp', 'mail')) else v
        if not isinstance(v, str): return v
        for k in ('http', 'httpaddr', 'kap', 'influx', 'exec', 'dir'): v = v.replace(self.vars()[k], '${%s}' % k)
        for (k, n), p in self.s.ports.items(): v = v.replace('127.0.0.1:%d' % p, '${%s:%s}' % (k, n))
        return v.replace(':%d' % self.d.port, ':${kapport}').replace(':%d' % (self.influx.port if self.influx else 1), ':${influxport}' if self.influx else ':1')
    def judge(self, st, obs, at):
        """Compare (or record) an observation against st['expect']."""
        obs = json.loads(json.dumps(obs))
        if self.rec:
            old = st.get('expect', NOREC); o = self.unsub(obs)
            if not self.case.get('exact_counters'): o = soft(o)
            if '$subset' not in json.dumps(old if old is not NOREC else 0): st['expect'] = generalise(o) if old in (NOREC, None) else merge(old, o)
            return match(self.sub(st['expect']), obs, self.b, at)
        return match(self.sub(st['expect']), obs, self.b, at) if 'expect' in st else at + ': not recorded'
    def http(self, h):
        h = self.sub({k: v for k, v in h.items()}); body, hd = None, dict(h.get('headers', {}))
        if 'body' in h: body = json.dumps(h['body']).encode(); hd.setdefault('Content-Type', 'application/json')
        elif 'raw' in h: body = h['raw'].encode()
        if h.get('gzip'): body = gzip.compress(body); hd['Content-Encoding'] = 'gzip'
        st, rh, b = request(self.d.port, h['method'], h['path'], body, hd)
        o = {'status': st}
        if h.get('show'): o['headers'] = {k: rh.get(k) for k in h['show']}
        if h.get('length_only'): o['nonempty'] = len(b) > 0; return o
        if rh.get('Content-Encoding') == 'gzip': b = gzip.decompress(b)
        t = b.decode('utf-8', 'replace')
        if h.get('exact'): o['text'] = t; return o
        try: o['json'] = json.loads(t)
        except ValueError:
            if t: o['text'] = t
        j = o.get('json')
        if h.get('sort') and isinstance(j, dict): j.get(h['sort'], []).sort(key=lambda x: json.dumps(x, sort_keys=True))
        if isinstance(j, dict) and set(j) == {'error', 'message'} and j['error'] == j['message']: del j['message']  # 1.6+ repeats the error
        return o
    def observe(self, st):
        if 'http' in st: return self.http(st['http'])
        if 'influx_query' in st:
            q = self.sub(st['influx_query']); s, j = self.influx.q(q['q'], q.get('db', '')); return {'status': s, 'json': j}
        c = st['captured']; kind, name = c['kind'], c.get('name', '')
        if kind == 'log':
            try: raw = open(self.dir + '/' + name).read().splitlines()
            except FileNotFoundError: raw = []
            got = [json.loads(x) if not c.get('exact') else x for x in raw]
        elif kind == 'exec':
            got = []
            for f in sorted(glob.glob(self.dir + '/exec.%s.*' % name)):
                args, _, body = open(f).read().partition('\n'); got.append({'args': args, 'json': json.loads(body)})
        else:
            got = list(self.s.got.get((kind, name), []))
            if kind == 'udp':
                got = [ber(g)[0] for g in got]
                for g in got: g[2][0] = 'request-id'
            if kind == 'tcp' and not c.get('exact'): got = [json.loads(g) for g in got]
            if kind == 'http':
                for i, g in enumerate(got):
                    e = {'method': g['method'], 'path': g['path']}
                    if c.get('headers'): e['headers'] = {k: g['headers'].get(k) for k in c['headers']}
                    if c.get('exact'): e['text'] = g['raw']
                    elif 'urlencoded' in g['headers'].get('Content-Type', ''): e['form'] = dict(urllib.parse.parse_qsl(g['raw'], True))
                    else:
                        try: e['json'] = json.loads(g['raw'])
                        except ValueError: e['text'] = g['raw']
                    got[i] = e
        if c.get('pick'): got = [[self.pick(g, p) for p in c['pick']] for g in got]
        if c.get('unordered'): got.sort(key=lambda x: json.dumps(x, sort_keys=True))
        if c.get('first'): got = got[:c['first']]
        return got
    def pick(self, g, p):
        try:
            for k in p.split('/'): g = g[int(k)] if isinstance(g, list) else g[k]
            return g
        except (KeyError, IndexError, TypeError): return None
    def until(self, st, at, timeout):
        """Poll: replay mode until the expectation holds, record mode until the observation is stable."""
        end, last, since, d = time.time() + timeout, NOREC, 0, None
        if not self.rec and 'expect' not in st: return at + ': not recorded'
        want = st.get('captured', {}).get('count')
        while True:
            o = self.observe(st)
            if self.rec:
                if o != last: last, since = o, time.time()
                quiet = time.time() - since > st.get('settle', 0.6)
                if quiet and (want is None or len(o) >= want) or time.time() > end:
                    if want is not None and len(o) < want: print('   %s: only %d of %d captured' % (self.case['name'], len(o), want))
                    return self.judge(st, o, at)
            else:
                d = match(self.sub(st['expect']), json.loads(json.dumps(o)), dict(self.b), at)
                if d is None and 'captured' in st and not st['captured'].get('first'):   # look for surplus deliveries
                    time.sleep(0.05 if st['expect'] else 0.4); d = self.judge(st, self.observe(st), at)
                if d is None: return self.judge(st, o, at)
                if time.time() > end: return d
            time.sleep(0.03)
    def step(self, st, at):
        if 'sleep' in st: time.sleep(st['sleep'])
        elif 'restart' in st:
            self.d.stop(signal.SIGTERM if st['restart'] == 'graceful' else signal.SIGKILL); self.d.start()
        elif 'file' in st:
            f = self.sub(st['file']); p = os.path.join(self.dir, f['path']); os.makedirs(os.path.dirname(p), exist_ok=True)
            if f.get('delete'): os.remove(p)
            else: open(p, 'w').write(f['content'])
        elif 'signal' in st: self.d.p.send_signal(getattr(signal, st['signal']))
        elif 'write' in st:
            w = self.sub(st['write']); s, _, b = request(self.d.port, 'POST', '/kapacitor/v1/write?' + urllib.parse.urlencode({k: w[k] for k in ('db', 'rp', 'precision') if k in w}), '\n'.join(w['lines']).encode())
            return None if s == 204 else '%s: write answered %d %r' % (at, s, b[:200])
        elif 'influx_write' in st:
            w = self.sub(st['influx_write']); s, _, b = request(self.influx.port, 'POST', '/write?' + urllib.parse.urlencode({k: w[k] for k in ('db', 'rp', 'precision') if k in w}), '\n'.join(w['lines']).encode())
            return None if s == 204 else '%s: influx write answered %d %r' % (at, s, b[:200])
        elif 'wait' in st:
            end, w = time.time() + st['wait'].get('timeout', self.a.wait + 2), st['wait']
            while True:
                o = self.observe({k: w[k] for k in ('http', 'influx_query', 'captured') if k in w})
                d = match(self.sub(w['until']), o, self.b, at)
                if d is None: return None
                if time.time() > end: return 'wait timed out: ' + d
                time.sleep(0.04)
        elif 'cli' in st:
            c, cwd = self.sub(st['cli']), self.dir + '/cli'; os.makedirs(cwd, exist_ok=True)
            for n, t in c.get('files', {}).items(): open(cwd + '/' + n, 'w').write(t)
            p = subprocess.run([self.a.cli] + c['args'], input=c.get('stdin', ''), capture_output=True, text=True, cwd=cwd, timeout=60,
                               env=dict(os.environ, KAPACITOR_URL='http://127.0.0.1:%d' % self.d.port, TZ='UTC'))
            sq = lambda t: '\n'.join(re.sub(r'\s+', ' ', l).strip() for l in t.strip().splitlines())
            o = {'exit': p.returncode, 'stdout': sq(p.stdout)}
            if p.stderr.strip(): o['stderr'] = sq(p.stderr)
            if c.get('exists'): o['exists'] = {n: os.path.exists(cwd + '/' + n) for n in c['exists']}
            return self.judge(st, o, at)
        elif 'captured' in st or st.get('retry'): return self.until(st, at, st.get('timeout', self.a.wait))
        else: return self.judge(st, self.observe(st), at)
    def run(self):
        self.s.got.clear(); self.s.replies = self.case.get('sink', {})
        self.dir = tempfile.mkdtemp(prefix='kap'); self.d = None
        open(self.dir + '/sink.sh', 'w').write(EXEC % self.dir); os.chmod(self.dir + '/sink.sh', 0o755)
        try:
            if self.influx:
                self.influx.clean()
                for q in self.case.get('influx_setup', []): self.influx.q(q)
            self.d = argparse.Namespace(port=0)
            self.d = Daemon(shlex.split(self.a.kapacitord), self.dir, self.sub(self.case.get('config', {})), self.influx); self.d.start()
            for i, st in enumerate(self.case['steps']):
                d = self.step(st, 'step %d' % i)
                if d: return d
        except (AssertionError, OSError, http.client.HTTPException, ValueError, subprocess.TimeoutExpired) as x: return 'error: %s %s' % (type(x).__name__, str(x)[:400])
        finally:
            if isinstance(self.d, Daemon) and hasattr(self.d, 'p'): self.d.stop()
            if not self.a.keep: shutil.rmtree(self.dir, True)

def main():
    p = argparse.ArgumentParser(); p.add_argument('--kapacitord', required=True); p.add_argument('--cli'); p.add_argument('--influxd')
    p.add_argument('--filter', default=''); p.add_argument('--expected', action='append'); p.add_argument('--keep', action='store_true')
    p.add_argument('--jobs', type=int, default=3); p.add_argument('--wait', type=float, default=10); p.add_argument('-v', action='store_true'); p.add_argument('dir'); a = p.parse_args()
    cases = corpus.load(a.dir, a.filter)
    needs = lambda case: (lambda t: ('"cli":' in t, '"influx":' in t))(json.dumps(case))
    local, out, ilock = threading.local(), threading.Lock(), threading.Lock()
    influx = Influx(a.influxd) if a.influxd and any(needs(c)[1] for _, c in cases) else None
    def one(item):
        called, case = item
        cli, ifx = needs(case)
        if cli and not a.cli or ifx and not influx: return 'skip'
        if not hasattr(local, 's'): local.s = Sinks()
        def go():
            t = time.time(); d = Case(case, a, local.s, influx if ifx else None).run() or ''
            with out:
                if a.v: print('%6.2fs %s %s' % (time.time() - t, called, d), flush=True)
            return d
        with ilock if ifx else contextlib.nullcontext(): return go()
    with concurrent.futures.ThreadPoolExecutor(a.jobs) as ex:
        try: rs = list(ex.map(one, cases))
        finally:
            if influx: influx.stop()
    sys.exit(corpus.verdict(dict(zip([n for n, _ in cases], rs)), corpus.expected(a.expected)))
if __name__ == '__main__': main()
