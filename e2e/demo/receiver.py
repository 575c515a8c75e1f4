#!/usr/bin/env python3
"""Receives alerts over HTTP and appends a line per delivery to a file: time of arrival, event id, event time, level.

receiver.py FILE [--address HOST:PORT]      prints the URL it listens on, then serves until it is ended
"""
import argparse, http.server, json, time


def main():
    p = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    p.add_argument('file')
    p.add_argument('--address', default='127.0.0.1:0')
    a = p.parse_args()
    host, _, port = a.address.rpartition(':')

    class Receive(http.server.BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'

        def do_POST(self):
            arrived = time.time()
            alert = json.loads(self.rfile.read(int(self.headers.get('Content-Length') or 0)))
            with open(a.file, 'a') as f:      # one write: lines of two deliveries never mix
                f.write(json.dumps({'arrived': arrived, **{k: alert[k] for k in ('id', 'time', 'level')}}) + '\n')
            self.send_response(200)
            self.send_header('Content-Length', '0')
            self.end_headers()

        log_message = lambda self, *_: None

    server = http.server.ThreadingHTTPServer((host, int(port)), Receive)
    open(a.file, 'a').close()
    print('http://%s:%d/alerts' % server.server_address, flush=True)
    server.serve_forever()


if __name__ == '__main__':
    main()
