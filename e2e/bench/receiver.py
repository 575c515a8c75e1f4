"""An HTTP receiver of alerts for measurements: answers each POST after a pause, or misbehaves as its path says.

Started as a process of its own by `Receiver`; it keeps arrivals in memory and tells them when asked. Paths:
/ok answers 200 after the pause; /refuse answers 500 at once; /hang never answers; /endless answers and its body never ends.
Arrivals are (the alert's message, seconds of CLOCK_MONOTONIC, which all processes of a machine share, connection).
"""
import asyncio, json, re, subprocess, sys, time, urllib.request

MESSAGE = re.compile(rb'"message":"([^"]*)"')
LENGTH = re.compile(rb'\r\ncontent-length: *(\d+)', re.I)
OK = b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
REFUSED = b'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n'
ENDLESS = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
ARRIVALS, LATE, PAUSE, HOST = [], [], 0.005, '127.0.0.1'


class Connection(asyncio.Protocol):
    number = 0

    def connection_made(self, transport):
        self.transport, self.buffer = transport, b''
        Connection.number += 1
        self.number = Connection.number

    def data_received(self, data):
        now = time.monotonic()
        self.buffer += data
        while (end := self.buffer.find(b'\r\n\r\n')) >= 0:
            head = self.buffer[:end]
            length = LENGTH.search(head)
            size = end + 4 + (int(length.group(1)) if length else 0)
            if len(self.buffer) < size:
                return
            body, self.buffer = self.buffer[end + 4:size], self.buffer[size:]
            self.request(now, head, body)

    def request(self, now, head, body):
        path = head.split(b' ', 2)[1]
        if head.startswith(b'GET'):
            answer = json.dumps(len(ARRIVALS) if path == b'/count' else {'arrivals': ARRIVALS, 'late': LATE}).encode()
            self.transport.write(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % len(answer) + answer)
        elif path == b'/ok':
            message = MESSAGE.search(body)
            ARRIVALS.append((message.group(1).decode() if message else '', now, self.number))
            asyncio.get_running_loop().call_later(PAUSE, self.answer, now + PAUSE)
        elif path == b'/refuse':
            self.transport.write(REFUSED)
        elif path == b'/endless':
            self.transport.write(ENDLESS)
            self.drip()

    def answer(self, due):
        LATE.append(time.monotonic() - due)
        self.transport.write(OK)

    def drip(self):
        if not self.transport.is_closing():
            self.transport.write(b'1\r\nx\r\n')
            asyncio.get_running_loop().call_later(0.1, self.drip)


async def serve():
    server = await asyncio.get_running_loop().create_server(Connection, HOST, 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class Receiver:
    """The process, seen from the one that measures."""

    def __init__(self, pause=PAUSE, host=HOST):
        self.process = subprocess.Popen([sys.executable, __file__, str(pause), host], stdout=subprocess.PIPE)
        self.url = 'http://%s:%d' % (host, int(self.process.stdout.readline()))

    def ask(self, path):
        with urllib.request.urlopen(self.url + path, timeout=60) as r:
            return json.load(r)

    def close(self):
        self.process.kill()
        self.process.wait()


if __name__ == '__main__':
    PAUSE, HOST = float(sys.argv[1]), sys.argv[2]
    asyncio.run(serve())
