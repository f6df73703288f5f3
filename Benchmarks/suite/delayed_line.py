"""A line to a TCP server that is long and otherwise as fast as this machine.

    python3 delayed_line.py HOST PORT MILLISECONDS        prints the port of 127.0.0.1 to connect to; ends with its input

What is read from one side at time t is written to the other from t + half of the round trip on. The system answers a
client's SYN at once; so that a connection takes its round trip all the same, the first bytes wait for 3/2 of it
towards the server, and for twice as long as it towards the client.

Bytes wait in the kernel, in pipes, and are never copied (splice(2)): the line shares its processors with the programs
that are measured over it, so it has to cost little.
"""

import errno
import fcntl
import os
import selectors
import socket
import sys
import time
from collections import deque

MOST_ON_THEIR_WAY = 64 << 20
PIPE_SIZE = 1 << 20
F_SETPIPE_SZ = 1031
BLOCKED = (errno.EAGAIN, errno.EINTR)


class Pipes:
    """Pipes that are empty, to be used again."""

    def __init__(self):
        self.free = []

    def take(self):
        if self.free:
            return self.free.pop()
        ends = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.fcntl(ends[0], F_SETPIPE_SZ, PIPE_SIZE)
        except OSError:
            pass  # Smaller pieces, then.
        return ends


class Stream:
    """One direction of a connection."""

    def __init__(self, source, sink, not_before, pipes):
        self.source, self.sink, self.not_before, self.pipes = source, sink, not_before, pipes
        self.pieces = deque()
        self.on_their_way = 0
        self.has_ended = self.is_finished = self.is_broken = False

    @property
    def takes(self):
        return not self.has_ended and self.on_their_way < MOST_ON_THEIR_WAY

    def take(self, now, delay):
        """Reads what is there into a pipe."""
        ends = self.pipes.take()
        try:
            count = os.splice(self.source.fileno(), ends[1], PIPE_SIZE)
        except OSError as error:
            self.pipes.free.append(ends)
            self.is_broken = error.errno not in BLOCKED
            return
        self.has_ended = count == 0
        self.pieces.append([max(now + delay, self.not_before), ends, count])
        self.on_their_way += count

    def pass_on(self, now):
        """Writes what is due; returns whether the other side takes no more for now."""
        while self.pieces and self.pieces[0][0] <= now:
            _, ends, count = piece = self.pieces[0]
            while piece[2]:
                try:
                    passed = os.splice(ends[0], self.sink.fileno(), piece[2])
                except OSError as error:
                    self.is_broken = error.errno not in BLOCKED
                    return not self.is_broken
                piece[2] -= passed
                self.on_their_way -= passed
            if not count:
                self.is_finished = True
                try:
                    self.sink.shutdown(socket.SHUT_WR)
                except OSError:
                    self.is_broken = True
            self.pipes.free.append(ends)
            self.pieces.popleft()
        return False

    def drop(self):
        """What was on its way is lost with its pipes."""
        for _, ends, _ in self.pieces:
            for end in ends:
                os.close(end)
        self.pieces.clear()


class Link:
    """A connection of a client, and the one to the server that belongs to it."""

    def __init__(self, client, server, round_trip, pipes):
        now = time.monotonic()
        for end in (client, server):
            end.setblocking(False)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.up = Stream(client, server, now + round_trip * 1.5, pipes)
        self.down = Stream(server, client, now + round_trip * 2, pipes)
        self.is_blocked = {client: False, server: False}
        self.registered = {}

    @property
    def is_over(self):
        return self.up.is_broken or self.down.is_broken or self.up.is_finished and self.down.is_finished

    @property
    def due(self):
        """When there is something to do, other than what a ready socket asks for."""
        return min((stream.pieces[0][0] for stream in (self.up, self.down)
                    if stream.pieces and not self.is_blocked[stream.sink]), default=None)

    def pass_on(self, now):
        for stream in (self.up, self.down):
            if not stream.is_finished:
                self.is_blocked[stream.sink] = stream.pass_on(now)

    def watch(self, selector):
        """Asks for what each of the two sockets is waited for."""
        for stream in (self.up, self.down):
            wanted = ((selectors.EVENT_READ if stream.takes else 0)
                      | (selectors.EVENT_WRITE if self.is_blocked[stream.source] else 0))
            known = self.registered.get(stream.source, 0)
            if wanted == known:
                continue
            if not wanted:
                selector.unregister(stream.source)
            elif known:
                selector.modify(stream.source, wanted, self)
            else:
                selector.register(stream.source, wanted, self)
            self.registered[stream.source] = wanted

    def close(self, selector):
        for end, wanted in self.registered.items():
            if wanted:
                selector.unregister(end)
        for stream in (self.up, self.down):
            stream.drop()
            stream.source.close()


def serve(host, port, round_trip):
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(listener.getsockname()[1], flush=True)
    pipes, links, selector = Pipes(), set(), selectors.EpollSelector()
    selector.register(listener, selectors.EVENT_READ)
    selector.register(sys.stdin, selectors.EVENT_READ)
    while True:
        now = time.monotonic()
        first = min((due for due in (link.due for link in links) if due is not None), default=None)
        # epoll counts whole milliseconds and would come back a little late each time: half of one is given back.
        for key, events in selector.select(None if first is None else max(0, first - now - 0.0005)):
            if key.fileobj is sys.stdin:
                return
            if key.fileobj is listener:
                client, _ = listener.accept()
                try:
                    server = socket.create_connection((host, port))
                except OSError:
                    client.close()
                    continue
                links.add(Link(client, server, round_trip, pipes))
            elif events & selectors.EVENT_READ:
                link = key.data
                stream = link.up if link.up.source is key.fileobj else link.down
                stream.take(time.monotonic(), round_trip / 2)
        now = time.monotonic()
        for link in list(links):
            link.pass_on(now)
            if link.is_over:
                links.discard(link)
                link.close(selector)
            else:
                link.watch(selector)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]) / 1000)
