"""The line over which programs are compared: what it delays, and that it changes nothing."""

import os
import socket
import subprocess
import sys
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


def echo(listener):
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=send_back, args=(connection,), daemon=True).start()


def send_back(connection):
    with connection:
        while data := connection.recv(1 << 16):
            connection.sendall(data)


class DelayedLineTests(unittest.TestCase):
    def setUp(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=echo, args=(self.listener,), daemon=True).start()
        self.line = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "delayed_line.py"), "127.0.0.1",
             str(self.listener.getsockname()[1]), "60"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.line.stdout.readline())

    def tearDown(self):
        self.line.stdin.close()
        self.assertEqual(self.line.wait(10), 0)
        self.line.stdout.close()
        self.listener.close()

    def test_a_round_trip_takes_its_time_and_a_connection_one_more(self):
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            times = []
            for _ in range(4):
                start = time.monotonic()
                connection.sendall(b"x")
                self.assertEqual(connection.recv(1), b"x")
                times.append(time.monotonic() - start)
        self.assertGreaterEqual(times[0], 0.118)
        self.assertTrue(all(one >= 0.059 for one in times), times)
        self.assertLess(min(times[1:]), 0.11, times)

    def test_bytes_come_through_as_they_are_and_so_does_the_end(self):
        sent = os.urandom(24 << 20)
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            def send():
                connection.sendall(sent)
                connection.shutdown(socket.SHUT_WR)

            thread = threading.Thread(target=send)
            thread.start()
            received = bytearray()
            while data := connection.recv(1 << 20):
                received += data
            thread.join()
        self.assertEqual(bytes(received), sent)


if __name__ == "__main__":
    unittest.main()
