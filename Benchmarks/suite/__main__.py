"""Measures Varve beside other programs and writes docs/benchmarks.md.

    python3 Benchmarks/suite BINARY [--only SECTION,…] [--runs N] [--size FRACTION] …

Sections: tree (a real tree, beside restic, borg, tar with zstd, and cp), large-files (4 GiB incompressible, 8 GiB
compressible), scale (generated trees up to 5,000,000 files), hourly (48 steps of a deduplication workload), micro
and index (figures of the micro-benchmarks, taken from --micro and --index). Figures are kept beside the document, so
sections may be measured apart; `--only none` writes the document again from what is kept.

Everything happens in a new directory below --work, which is removed at the end, also after Ctrl-C; nothing else is
written but the document. Programs are looked for in $PEERS_DIR/bin, then in PATH. Python's standard library only.
"""

import argparse
import json
import os
import shlex
import signal
import sys

import document
import hourly
import large_files
import programs
import scale
import tables
import tree_comparison
from figures import Figures, stamp
from running import Failure, say
from thresholds import SHORT, THRESHOLDS, reduced
from workspace import TOP, Workspace

MEASURED = ("tree", "large-files", "scale", "hourly")
TAKEN = ("micro", "index")


def arguments():
    parser = argparse.ArgumentParser(
        prog="suite", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--only", default="", metavar="SECTION,…", help="only these sections; none for no measurement")
    parser.add_argument("--programs", default="", metavar="NAME,…", help="only these beside Varve: restic, borg, "
                        "'tar | zstd', 'cp -a'")
    parser.add_argument("--runs", type=int, default=3, help="runs of tree and large-files (default: %(default)s)")
    parser.add_argument("--size", type=float, default=1, metavar="FRACTION",
                        help="of the large files, generated trees and the hourly workload (default: 1)")
    parser.add_argument("--steps", type=int, default=hourly.STEPS, help="hours of the workload (default: %(default)s)")
    parser.add_argument("--tree", action="append", metavar="PATH", help="the real tree; may be repeated (default: "
                        + " ".join(tree_comparison.DEFAULT_TREE) + ")")
    parser.add_argument("--work", default="/dev/shm", help="where everything happens (default: %(default)s)")
    parser.add_argument("--disk", default="/var/tmp", help="where trees go that --work has no room for "
                        "(default: %(default)s)")
    parser.add_argument("--compare", action="store_true", help="prove with the independent walker that what was "
                        "restored equals its source")
    parser.add_argument("--micro", metavar="FILE", help="what the micro-benchmarks printed")
    parser.add_argument("--index", metavar="FILE", help="the index generator's figures, JSON")
    parser.add_argument("--document", default=os.path.join(TOP, "docs", "benchmarks.md"), metavar="FILE",
                        help="what to write; figures and plots go to the directory of the same name without .md")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a threshold is missed")
    options = parser.parse_args()
    options.sections = [name for name in options.only.split(",") if name] or [*MEASURED, *TAKEN]
    unknown = set(options.sections) - {*MEASURED, *TAKEN, "none"}
    if unknown or options.runs < 1 or options.steps < 1 or not 0 < options.size <= 1:
        parser.error("no such section: " + ", ".join(sorted(unknown)) if unknown else "a number is out of range")
    options.binary = os.path.abspath(options.binary)
    options.tree = [os.path.abspath(path) for path in options.tree or tree_comparison.DEFAULT_TREE]
    return options


def measurements(options, present):
    """For each measured section: how, in how many runs, and at what size."""
    full_tree = tuple(options.tree) == tree_comparison.DEFAULT_TREE
    full_hours = options.steps >= hourly.STEPS
    return {
        "tree": (lambda place: tree_comparison.measure(
            place, present, options.tree, options.runs, options.compare), options.runs, 1 if full_tree else 0),
        "large-files": (lambda place: large_files.measure(
            place, present, options.runs, options.size, options.compare), options.runs, options.size),
        "scale": (lambda place: scale.measure(place, options.binary, options.disk, options.size), 1, options.size),
        "hourly": (lambda place: hourly.measure(
            place, present, options.size, options.steps, options.compare), 1, options.size if full_hours else 0),
    }


def taken(options, figures, command):
    """Figures that other programs measured."""
    for name, path in (("micro", options.micro), ("index", options.index)):
        if name not in options.sections or not path or not os.path.exists(path):
            continue
        with open(path) as file:
            data = file.read() if name == "micro" else json.load(file)
        if isinstance(data, dict):
            data = next(value for value in data.values() if isinstance(value, list))
        figures.keep(name, data, stamp([programs.Varve(options.binary)], command, options.work, 1, 1))


def main():
    options = arguments()
    # An exception unwinds everything: children are ended, the workspace is removed.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    signal.signal(signal.SIGHUP, lambda number, frame: sys.exit(128 + number))
    command = "python3 Benchmarks/suite .build/release/varve" + "".join(
        " " + shlex.quote(word) for word in sys.argv[1:] if os.path.abspath(word) != options.binary)
    figures = Figures(os.path.join(os.path.splitext(options.document)[0], "figures.json"))
    present, missing = programs.chosen(options.binary, [name for name in options.programs.split(",") if name])
    for name in missing:
        say("%s is not installed and left out" % name)
    for section, (measure, runs, size) in measurements(options, present).items():
        if section in options.sections:
            with Workspace(options.work) as place:
                figures.keep(section, measure(place), stamp(present, command, options.work, runs, size))
    taken(options, figures, command)
    document.write(figures, options.document)
    print(tables.thresholds(figures))
    short = [threshold for threshold in THRESHOLDS if threshold.verdict(figures) == SHORT]
    wrong = [name for section in ("tree", "hourly") for name, found in
             ((figures.data(section) or {}).get("differences") or {}).items() if found and name.startswith("varve")]
    wrong += [kind for kind, found in (figures.data("large-files") or {}).items() if not found.get("identical", True)]
    for name in wrong:
        say("NOT EQUAL to its source after a restore: " + name)
    return 1 if wrong or (options.strict and short) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        say(str(failure))
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
