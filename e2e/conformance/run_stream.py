#!/usr/bin/env python3
"""Replay the TICKscript stream corpus against a running Kapacitor-compatible daemon.
run_stream.py --url http://127.0.0.1:9092 [--filter RE] [--expected LIST]... [--jobs N] DIR
DIR holds the cases, a file per area (cases.py). The runner defines and enables the task, writes the lines, waits until the
task has drained, then compares what httpOut serves ("final") and everything the httpPost behind each
httpOut delivered ("emitted"). {{CAPTURE}} in a script stands for the address of the capture server inside
this program; the last path element of the URL is the name of the output.
Case keys read here: db rp dbrps no_dbrp vars template script outputs input writes stop check compare
define_error node_stats expect. "ordered": the results of each group (measurement + tags) in order;
"multiset": all results of an output in any order. Floats are equal within 1e-9 relative.
"""
import argparse, http.client, http.server, json, math, re, sys, threading, time, urllib.parse
import cases as corpus
from concurrent.futures import ThreadPoolExecutor

LOCK, LOCAL, SEQ = threading.Lock(), threading.local(), [0]
CAPTURED = {}          # task id -> [(output name, body)]
RUN = 'c%x' % (int(time.time() * 1000) & 0xffffffff)
SENTINEL = 'conf_sentinel_' + RUN


class Capture(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        _, tid, out = self.path.split('/', 2)
        with LOCK:
            CAPTURED.setdefault(tid, []).append((out, json.loads(body)))
        self.send_response(200)
        self.send_header('Content-Length', '0')
        self.end_headers()

    log_message = lambda self, *a: None


def call(method, path, body=None):
    """One request over a kept-alive connection; returns (status, bytes)."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    for attempt in (0, 1):
        conn = getattr(LOCAL, 'conn', None)
        if conn is None:
            conn = LOCAL.conn = http.client.HTTPConnection(ARGS.host, timeout=20)
        try:
            conn.request(method, '/kapacitor/v1' + path, data)
            r = conn.getresponse()
            return r.status, r.read()
        except (OSError, http.client.HTTPException):
            conn.close()
            LOCAL.conn = None
            if attempt:
                raise


def error_of(body):
    text = body.decode('utf-8', 'replace').strip()
    return json.loads(text).get('error', '') if text.startswith('{') else text


def write(db, rp, lines):
    st, b = call('POST', '/write?' + urllib.parse.urlencode({'db': db, 'rp': rp}), '\n'.join(lines).encode())
    return '' if st in (200, 204) else 'write answered %d %s' % (st, error_of(b))


def node_stats(tid):
    st, b = call('GET', '/tasks/%s?script-format=raw' % tid)
    return ((json.loads(b) if st == 200 else {}).get('stats') or {}).get('node-stats') or {}


def drain(tid):
    """Wait until all written points went through the task: a sentinel written after them was handed out,
    every edge is empty by the node counters, each post arrived, and nothing moves any more."""
    with LOCK:
        SEQ[0] += 1
        seq = SEQ[0]
        write(SENTINEL, 'autogen', ['s v=1 %d' % seq])
    end, quiet, last, seen = time.time() + 8, 0, None, False
    while time.time() < end:
        seen = seen or node_stats(SENTINEL).get('stream0', {}).get('collected', 0) >= seq
        ns = node_stats(tid)
        emitted = sum(v.get('emitted', 0) for v in ns.values())
        taken = sum(v.get('collected', 0) for k, v in ns.items() if k != 'stream0')
        posts = sum(v.get('collected', 0) for k, v in ns.items() if k.startswith('http_post'))
        got = len(CAPTURED.get(tid, ()))
        now = (emitted, taken, got, [v.get('errors') for _, v in sorted(ns.items())])
        quiet = quiet + 1 if seen and now == last else 0
        last = now
        if quiet >= (2 if ns and emitted == taken and posts == got else 20):
            return ns
        time.sleep(0.012)
    return node_stats(tid)


def observe(case, tid):
    """Run one case; returns the observed expectations."""
    base, out = 'http://127.0.0.1:%d/%s' % (ARGS.capture, tid), {}
    hide = lambda s: s.replace(base, '{{CAPTURE}}').replace(tid, '{{TASK}}')
    task = {'id': tid, 'type': 'stream', 'status': 'enabled'}
    if not case.get('no_dbrp'):
        task['dbrps'] = [{'db': case['db'], 'rp': case['rp']}] + case.get('dbrps', [])
    if case.get('vars'):
        task['vars'] = case['vars']
    st = 200
    if case.get('template'):
        task['template-id'] = 'tpl_' + tid
        script = case['template']['script'].replace('{{CAPTURE}}', base)
        st, b = call('POST', '/templates', {'id': 'tpl_' + tid, 'type': 'stream', 'script': script})
        if st == 200 and 'template_vars' in case.get('check', ()):
            out['template_vars'] = json.loads(b)['vars']
    else:
        task['script'] = case['script'].replace('{{CAPTURE}}', base)
    if st == 200:
        st, b = call('POST', '/tasks', task)
    if st != 200:
        scope = lambda m: m.group(1) + ','.join(sorted(m.group(2).split(',')))  # listed in no fixed order
        return {'define_error': {'status': st, 'error': re.sub(r'(Names in scope: )(.*)', scope, hide(error_of(b)))}}
    t = json.loads(b)
    out.update({k: hide(t[k]) if k == 'script' else t[k] for k in ('script', 'vars') if k in case.get('check', ())})
    if t.get('error') or not t.get('executing'):
        out['task_error'] = hide(t.get('error', ''))
        return out
    for w in case.get('writes') or [{'db': case['db'], 'rp': case['rp'], 'lines': case['input']}]:
        out['write_error'] = out.get('write_error', '') or write(w['db'], w['rp'], w['lines'])
    if not out['write_error']:
        del out['write_error']
    ns, out['final'] = drain(tid), {}
    for n in case['outputs']:
        st, b = call('GET', '/tasks/%s/%s' % (tid, n))
        out['final'][n] = (json.loads(b).get('series') or []) if st == 200 else ['status %d' % st]
    if case.get('stop'):  # stopping waits for the nodes to finish
        call('PATCH', '/tasks/' + tid, {'status': 'disabled'})
    posts = list(CAPTURED.get(tid, ()))
    out['emitted'] = {n: [p.get('series') or [] for o, p in posts if o == n] for n in case['outputs']}
    if 'node_stats' in case:
        out['node_stats'] = {k: {'errors': v['errors']} for k, v in sorted(ns.items()) if v.get('errors')}
    return out


def close(a, b):
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(close, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(close(a[k], b[k]) for k in a)
    if isinstance(a, float) and isinstance(b, (int, float)) or isinstance(b, float) and isinstance(a, (int, float)):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-300) and not isinstance(a, bool) and not isinstance(b, bool)
    return type(a) is type(b) and a == b


clean = lambda s: {k: v for k, v in s.items() if v not in (None, {}, [])} if isinstance(s, dict) else s
gkey = lambda result: json.dumps([[s.get('name', ''), s.get('tags') or {}] for s in result if isinstance(s, dict)], sort_keys=True)


def match(want, got, what):
    """Multiset match; '' or the first difference."""
    left = list(got)
    for w in want:
        hit = next((i for i, g in enumerate(left) if close(w, g)), None)
        if hit is None:
            key = gkey(w if isinstance(w, list) else [w])
            near = [g for g in left if gkey(g if isinstance(g, list) else [g]) == key] or left
            return '%s: want %s, have %s' % (what, json.dumps(w)[:400], json.dumps(near[:1])[:400])
        left.pop(hit)
    return '%s: %d more than wanted, first %s' % (what, len(left), json.dumps(left[0])[:400]) if left else ''


def compare(case, got):
    want = dict(case['expect'], **{k: case[k] for k in ('define_error', 'node_stats') if k in case})
    for k in sorted(set(want) | set(got)):
        w, g = want.get(k), got.get(k)
        if k not in ('final', 'emitted'):
            if not close(w, g):
                return '%s: want %s, have %s' % (k, json.dumps(w)[:600], json.dumps(g)[:600])
            continue
        for n in sorted(set(w or {}) | set(g or {})):
            a, b = ([[clean(s) for s in r] if k == 'emitted' else clean(r) for r in (x or {}).get(n, [])] for x in (w, g))
            if k == 'final' or case['compare'] == 'multiset':
                d = match(a, b, '%s.%s' % (k, n))
                if d:
                    return d
                continue
            for grp in dict.fromkeys(map(gkey, a + b)):
                x, y = [r for r in a if gkey(r) == grp], [r for r in b if gkey(r) == grp]
                for i in range(max(len(x), len(y))):
                    u, v = x[i:i + 1], y[i:i + 1]
                    if not close(u, v):
                        return '%s.%s group %s #%d: want %s, have %s' % (k, n, grp, i, json.dumps(u)[:400], json.dumps(v)[:400])
    return ''


def one(item):
    i, case = item
    tid = '%s_%d' % (RUN, i)
    try:
        return compare(case, observe(case, tid))
    except Exception as e:  # a broken peer must not stop the run
        return 'exception %r' % e
    finally:
        try:
            for path in ['/tasks/' + tid] + ['/templates/tpl_' + tid] * ('template' in case):
                call('DELETE', path)
        except (OSError, http.client.HTTPException):
            pass


def main():
    global ARGS
    p = argparse.ArgumentParser()
    for name, kw in {'--url': {'required': True}, '--filter': {'default': ''}, '--expected': {'action': 'append'},
                     '--jobs': {'type': int, 'default': 4}, 'dir': {}}.items():
        p.add_argument(name, **kw)
    ARGS = p.parse_args()
    ARGS.host = urllib.parse.urlparse(ARGS.url).netloc
    http.server.ThreadingHTTPServer.request_queue_size = 256
    srv = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Capture)
    ARGS.capture = srv.server_address[1]
    threading.Thread(target=srv.serve_forever, daemon=True).start()
    named = corpus.load(ARGS.dir, ARGS.filter)
    cases = [(i, case) for i, (_, case) in enumerate(named)]
    t0, where = time.time(), [{'db': SENTINEL, 'rp': 'autogen'}]
    call('POST', '/tasks', {'id': SENTINEL, 'type': 'stream', 'status': 'enabled', 'dbrps': where, 'script': "stream|from()|httpOut('s')"})
    with ThreadPoolExecutor(ARGS.jobs) as pool:
        results = dict(zip([called for called, _ in named], pool.map(one, cases)))
    call('DELETE', '/tasks/' + SENTINEL)
    print('took %.1f s' % (time.time() - t0))
    sys.exit(corpus.verdict(results, corpus.expected(ARGS.expected)))


if __name__ == '__main__':
    main()
