#!/usr/bin/env python3
"""Receives alerts and writes one line each: `receiver.py HOST:PORT FILE`. Line: id, time, level."""
import http.server
import json
import sys

address, path = sys.argv[1:]


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        alert = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with open(path, "a") as lines:
            lines.write(f"{alert['id']} {alert['time']} {alert['level']}\n")
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


host, port = address.split(":")
http.server.ThreadingHTTPServer((host, int(port)), Receiver).serve_forever()
