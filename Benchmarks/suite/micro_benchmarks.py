"""What the program of Benchmarks/Sources/micro measures: single operations, and indexes of up to 10^8 rows."""

import json

from running import Failure, output, run, say

ROWS = (1_000_000, 10_000_000, 100_000_000)
# A merge writes the rows a second time before it lets the first go.
BYTES_A_ROW = 110


def operations(program):
    """The lines that it prints."""
    say("micro: single operations")
    return output([needed(program)])


def indexes(program, workspace, size_factor):
    """One object for each index, as the program writes them. It maps them as files: a disk is the place for them."""
    rows = [int(count * size_factor) for count in ROWS]
    workspace.require("an index", max(rows) * BYTES_A_ROW)
    result = workspace.join("index.json")
    say("index: %s rows" % ", ".join(map(str, rows)))
    run([needed(program), "index", "--directory", workspace.directory("indexes"), "--rows", ",".join(map(str, rows)),
         "--json", result], log=workspace.join("log"))
    with open(result) as file:
        return json.load(file)


def needed(program):
    if not program:
        raise Failure("--micro does not name the program of the micro-benchmarks")
    return program
