"""Measures Varve beside other programs and writes docs/benchmarks.md.

    python3 Benchmarks/suite BINARY [--only SECTION,…] [--runs N] [--size FRACTION] …

Sections: tree (a real tree, beside restic, borg, tar with zstd, and cp), large-files (4 GiB incompressible, 8 GiB
compressible), scale (generated trees up to 5,000,000 files), hourly (48 steps of a deduplication workload),
pruning (after 9 of 10 of 200 snapshots were forgotten), offsite (an S3 service over a long line, where the AWS
variables name one), micro and index (single operations, and indexes of up to 10^8 rows, by the program that --micro
names). Figures are kept beside the document, so sections may be measured apart; `--only none` writes it again from
what is kept.

Everything happens in a new directory below --work, which is removed at the end, also after Ctrl-C; nothing else is
written but the document. Programs are looked for in $PEERS_DIR/bin, then in PATH. Python's standard library only.
"""

import argparse
import os
import shlex
import signal
import sys

import bucket
import document
import hourly
import large_files
import micro_benchmarks
import offsite
import programs
import pruning
import scale
import tables
import tree_comparison
from figures import Figures, stamp
from running import Failure, say
from thresholds import SHORT, THRESHOLDS
from workspace import TOP, Workspace

SECTIONS = ("micro", "index", "tree", "large-files", "scale", "hourly", "pruning", "offsite")
PLACES = ("--work", "--disk", "--micro", "--document")


def arguments():
    parser = argparse.ArgumentParser(
        prog="suite", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--only", default="", metavar="SECTION,…",
                        help="only these sections; none for no measurement")
    parser.add_argument("--programs", default="", metavar="NAME,…", help="only these beside Varve: restic, borg, "
                        "'tar | zstd', 'cp -a'")
    parser.add_argument("--runs", type=int, default=3, help="runs of tree and large-files (default: %(default)s)")
    parser.add_argument("--size", type=float, default=1, metavar="FRACTION",
                        help="of the large files, generated trees, indexes the hourly workload and the history (default: 1)")
    parser.add_argument("--steps", type=int, default=hourly.STEPS, help="hours of the workload (default: %(default)s)")
    parser.add_argument("--tree", action="append", metavar="PATH", help="the real tree; may be repeated (default: "
                        + " ".join(tree_comparison.DEFAULT_TREE) + ")")
    parser.add_argument("--work", default="/dev/shm", help="where everything happens (default: %(default)s)")
    parser.add_argument("--disk", default="/var/tmp", help="where indexes go, and trees and the workload "
                        "when --work has no room for them (default: %(default)s)")
    parser.add_argument("--compare", action="store_true", help="prove with the independent walker that what was "
                        "restored equals its source")
    parser.add_argument("--micro", metavar="PROGRAM", help="the program of the micro-benchmarks")
    parser.add_argument("--document", default=os.path.join(TOP, "docs", "benchmarks.md"), metavar="FILE",
                        help="what to write; figures and plots go to the directory of the same name without .md")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a threshold is missed")
    options = parser.parse_args()
    options.sections = [name for name in options.only.split(",") if name] or SECTIONS
    unknown = set(options.sections) - {*SECTIONS, "none"}
    if unknown or options.runs < 1 or options.steps < 1 or not 0 < options.size <= 1:
        parser.error("no such section: " + ", ".join(sorted(unknown)) if unknown else "a number is out of range")
    options.binary = os.path.abspath(options.binary)
    options.tree = [os.path.abspath(path) for path in options.tree or tree_comparison.DEFAULT_TREE]
    return options


class Section:
    """How a section is measured, with what, where, how often, and at what size (None: on other data than the
    thresholds speak of)."""

    def __init__(self, measure, programs, place, runs, size):
        self.measure, self.programs, self.place, self.runs, self.size = measure, programs, place, runs, size


def sections(options, present):
    varve = present[:1]
    archivers = [program for program in present if program.deduplicates]
    full_tree = options.tree == list(tree_comparison.DEFAULT_TREE)
    return {
        "micro": Section(lambda place: micro_benchmarks.operations(options.micro), varve, options.work, 1, 1),
        "index": Section(lambda place: micro_benchmarks.indexes(options.micro, place, options.size),
                         varve, options.disk, 1, options.size),
        "tree": Section(lambda place: tree_comparison.measure(
            place, present, options.tree, options.runs, options.compare),
            present, options.work, options.runs, 1 if full_tree else None),
        "large-files": Section(lambda place: large_files.measure(
            place, present, options.runs, options.size, options.compare),
            present, options.work, options.runs, options.size),
        "scale": Section(lambda place: scale.measure(place, options.binary, options.disk, options.size),
                         varve, options.work, 1, options.size),
        "hourly": Section(lambda place: hourly.measure(
            place, present, options.disk, options.size, options.steps, options.compare),
            archivers, options.work, 1, options.size if options.steps >= hourly.STEPS else None),
        "pruning": Section(lambda place: pruning.measure(place, present, options.disk, options.size),
                           [program for program in archivers if program.name != "borg"], options.work, 1, options.size),
        "offsite": Section(lambda place: offsite.measure(
            place, present, options.tree, options.runs, options.size, options.compare),
            [program for program in archivers if program.name != "borg"], options.work, options.runs,
            options.size if full_tree else None),
    }


def repeatable(options):
    """The command without what belongs to one machine."""
    kept, rest = [], sys.argv[1:]
    while rest:
        word = rest.pop(0)
        if word in PLACES:
            rest.pop(0)
        elif word.split("=")[0] not in PLACES and os.path.abspath(word) != options.binary:
            kept.append(shlex.quote(word))
    return " ".join(["python3 Benchmarks/suite .build/release/varve", *kept])


def unequal(figures):
    """What of Varve's was restored otherwise than it was saved."""
    for section in ("tree", "hourly", "offsite"):
        for name, found in ((figures.data(section) or {}).get("differences") or {}).items():
            if found and name.startswith("varve"):
                yield "%s: %s" % (section, name)
    for kind, found in (figures.data("large-files") or {}).items():
        if not found.get("identical", True):
            yield "large-files: " + kind


def main():
    options = arguments()
    # An exception unwinds everything: children are ended, the workspace is removed.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    signal.signal(signal.SIGHUP, lambda number, frame: sys.exit(128 + number))
    invocation = repeatable(options)
    figures = Figures(os.path.join(os.path.splitext(options.document)[0], "figures.json"))
    present, missing = programs.chosen(options.binary, [name for name in options.programs.split(",") if name])
    for name in missing:
        say("%s is not installed and left out" % name)
    failed = []
    for name, section in sections(options, present).items():
        if name not in options.sections:
            continue
        if name == "offsite" and bucket.missing_variables():
            say("offsite is left out: it needs " + ", ".join(bucket.missing_variables()))
            failed += [name] if options.only else []
            continue
        programs.Program.commands.clear()
        try:
            with Workspace(section.place) as place:
                data = section.measure(place)
            figures.keep(name, data, stamp(section.programs, programs.Program.commands, invocation, section.place,
                                           section.runs, section.size))
        except Failure as failure:
            say("%s: %s" % (name, failure))
            failed.append(name)
    document.write(figures, options.document)
    print(tables.thresholds(figures))
    wrong = list(unequal(figures))
    for name in wrong:
        say("NOT EQUAL to its source after a restore: " + name)
    short = any(threshold.verdict(figures) == SHORT for threshold in THRESHOLDS)
    if failed:
        return 2
    return 1 if wrong or (options.strict and short) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        say(str(failure))
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
