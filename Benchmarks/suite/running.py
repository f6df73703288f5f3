"""Runs one command and says what it cost.

Wall-clock seconds; user and system seconds of all its processes; peak resident memory of the largest of them
(wait4). The last is never below this process's own memory, some 16 MiB, because a child begins as its copy;
so whatever needs much memory here, such as generators, runs in processes of its own.
"""

import os
import signal
import statistics
import subprocess
import sys
import time

PROCESSORS = len(os.sched_getaffinity(0))
FIELDS = ("seconds", "processor", "peak")


class Failure(Exception):
    """A benchmark that cannot go on; the text says why."""


def run(command, environment=None, directory=None, expect=(0,), log=None):
    """Runs a command in a process group of its own, which does not outlive this call, and gives its cost."""
    with open(log or os.devnull, "ab+") as errors, open(os.devnull, "wb") as nowhere:
        start = time.monotonic()
        child = subprocess.Popen(command, env=environment, cwd=directory, stdin=subprocess.DEVNULL,
                                 stdout=nowhere, stderr=errors, start_new_session=True)
        try:
            _, status, usage = os.wait4(child.pid, 0)
            seconds = time.monotonic() - start
            child.returncode = os.waitstatus_to_exitcode(status)
        except BaseException:
            end(child)
            raise
        if child.returncode not in expect:
            errors.seek(0)
            sys.stderr.write(errors.read().decode(errors="replace")[-3000:] if log else "")
            raise Failure("%s ended with %d" % (" ".join(command[:8]), child.returncode))
    return {"seconds": seconds, "processor": usage.ru_utime + usage.ru_stime,
            "peak": usage.ru_maxrss * 1024}


def end(child):
    """Ends a child and its children: asks first, so that they can remove their locks."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            break
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            pass


def output(command, directory=None, environment=None):
    """What a short command prints on standard output."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=directory,
                          env=environment)
    if done.returncode:
        raise Failure("%s ended with %d: %s" % (command[0], done.returncode, done.stderr[-1000:]))
    return done.stdout


def first_line(command):
    try:
        return output(command).splitlines()[0]
    except (OSError, IndexError, Failure):
        return "unknown"


def median(costs, field):
    """The median of one field over several costs, or nothing."""
    values = [cost[field] for cost in costs or ()]
    return statistics.median(values) if values else None


def utilisation(costs):
    """The share of all processors' time that the command used, as a median over its runs."""
    shares = [cost["processor"] / (cost["seconds"] * PROCESSORS) for cost in costs or ()]
    return statistics.median(shares) if shares else None


def say(text):
    print("benchmarks: " + text, file=sys.stderr, flush=True)
