"""A first backup to an S3 service and a restore from it on another machine, over a long line and without one.

    tree        files of the real tree, as they are found, up to SIZE bytes
    service     the one that the AWS variables name; a bucket of its own for the time of the measurement
    line        delayed_line.py, with a round trip of ROUND_TRIP milliseconds, for both programs alike; at 0 it is there,
                too, and passes everything on at once
    restore     with nothing of what the backup kept beside the repository, caches included; RESTORES times in turn, since
                it is short and the service may still be busy with what was stored
"""

import contextlib
import os
import subprocess
import sys

from bucket import Bucket
from programs import Restic, Varve
from running import run, say
from workspace import count, differences, read_through

ROUND_TRIP = 50
SIZE = 2_000_000_000
STEPS = ("first", "restore")
RESTORES = 3


def measure(workspace, programs, tree, runs, size_factor, compare):
    programs = [program for program in programs if isinstance(program, (Varve, Restic))]
    size = int(SIZE * size_factor)
    workspace.require("the tree", 3 * size, 200_000)
    data = workspace.directory("data")
    copy_files(tree, data, size)
    files, size = count([data])
    results = {"files": files, "bytes": size, "round_trip": ROUND_TRIP, "stored": {},
               "steps": {step: {} for step in STEPS}}
    for number in range(runs):
        with Bucket() as bucket:
            for round_trip in (0, ROUND_TRIP):
                with line(bucket.address, round_trip) as address:
                    one_run(workspace, programs, data, results, bucket, address, round_trip,
                            compare and number == 0 and round_trip == ROUND_TRIP)
                bucket.empty()
    workspace.remove(data)
    return results


def copy_files(tree, target, size):
    """Copies files of a tree, in the order in which find names them, as long as they fit into a size."""
    script = ('find "${@:3}" -xdev -type f -printf "%s %p\\0" | sort -z -k 2 '
              '''| awk -v RS='\\0' -v ORS='\\0' -v left="$1" '$1 <= left { left -= $1; sub(/^[0-9]+ /, ""); print }' '''
              '| tar -C / -cf - --null -T - 2>/dev/null | tar -C "$2" -xpf -')
    run(["bash", "-o", "pipefail", "-c", script, "-", str(size), target, *tree])


@contextlib.contextmanager
def line(address, round_trip):
    """A line to a service; gives its address at this end."""
    port = address.port or (443 if address.scheme == "https" else 80)
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "delayed_line.py")
    process = subprocess.Popen([sys.executable, program, address.hostname, str(port), str(round_trip)],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield "%s://127.0.0.1:%d" % (address.scheme, int(process.stdout.readline()))
    finally:
        process.stdin.close()
        process.wait()


def one_run(workspace, programs, data, results, bucket, address, round_trip, compare):
    def timed(step, program, command):
        label = label_of(program.name, round_trip)
        say("offsite: %s, %s" % (step, label))
        results["steps"][step].setdefault(label, []).append(program.cost(command))

    for program in programs:
        program.open(workspace, "s3:%s/%s/%s" % (address, bucket.name, program.name), bucket.variables)
    for program in programs:
        read_through([data])
        timed("first", program, program.backup([data]))
        results["stored"].setdefault(program.name, []).append(bucket.stored_bytes(program.name))
    for number in range(RESTORES):
        for program in programs:
            program.forget_locally()
            workspace.warm(results["bytes"])
            timed("restore", program, program.restore())
            if compare and number == 0:
                found = differences(data, program.home + "/restored" + data)
                results.setdefault("differences", {})[program.name] = found
            workspace.remove(program.home + "/restored")
    for program in programs:
        program.close()


def label_of(name, round_trip):
    return name + (", %d ms" % round_trip if round_trip else "")
