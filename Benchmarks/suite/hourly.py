"""Hourly backups of files that change as a server's do: what is stored and how long it takes, step by step.

fixtures/generate/hourly-workload.py plays the hours. Each contender backs up every one of them. Varve runs twice,
with its defaults and with smaller chunks for the database and the disk image; both unlock with a key file, as
an unattended machine would.
"""

from programs import Borg, Restic, Varve
from running import say
from workspace import differences, filesystem, generate, stored_bytes

STEPS = 48
SOURCE_BYTES = 2 << 30
REPOSITORY_BYTES = 4 << 30
SMALL_CHUNKS = "32K"
SMALL_CHUNKER = ("--chunker-min", "16K", "--chunker-target", "16K", "--chunker-max", "256K")
BLOCK_SOURCES = ("database", "machine")
FILE_SOURCES = ("archives", "documents", "logs", "projects")
SMALL_NAME = "varve, small chunks"


class Contender:
    """A name, and the backups that make up one hour: of a program, of some paths, with further options."""

    def __init__(self, name, parts):
        self.name, self.parts = name, parts
        self.programs = list(dict.fromkeys(program for program, _, _ in parts))

    def hour(self):
        cost = {"seconds": 0, "processor": 0, "peak": 0}
        for program, paths, options in self.parts:
            one = program.cost([*program.backup(paths), *options])
            cost = {"seconds": cost["seconds"] + one["seconds"], "processor": cost["processor"] + one["processor"],
                    "peak": max(cost["peak"], one["peak"])}
        return cost | {"stored": sum(program.stored() for program in self.programs)}


def contenders(programs, root):
    """In the order of the programs, Varve's second appearance right after its first."""
    def below(names):
        return [root + "/" + name for name in names]

    for program in programs:
        if not isinstance(program, (Varve, Restic, Borg)):
            continue
        if not isinstance(program, Varve):
            yield Contender(program.name, [(program, [root], ())])
            continue
        whole, files = Varve(program.path), Varve(program.path)
        files.name = SMALL_NAME
        yield Contender(whole.name, [(whole, [root], ())])
        if program.offers(["backup"], "--chunk-size"):
            blocks, options = files, ("--chunk-size", SMALL_CHUNKS)
        else:
            blocks, options = Varve(program.path), ()
            blocks.name, blocks.chunker = SMALL_NAME + " for blocks", SMALL_CHUNKER
        yield Contender(SMALL_NAME, [(files, below(FILE_SOURCES), ()), (blocks, below(BLOCK_SOURCES), options)])


def room(size_factor, programs):
    needed = SOURCE_BYTES + REPOSITORY_BYTES * (1 + sum(program.deduplicates for program in programs))
    return int(needed * size_factor) + (64 << 20)


def measure(workspace, programs, disk, size_factor, steps, compare):
    with workspace.or_on(disk, "the hourly workload", room(size_factor, programs), 50_000) as place:
        return play(place, programs, size_factor, steps, compare)


def play(workspace, programs, size_factor, steps, compare):
    root = workspace.join("source")
    entered = list(contenders(programs, root))
    results = {"steps": steps, "file_system": filesystem(workspace.path), "source_bytes": [],
               "contenders": {one.name: [] for one in entered}}
    for one in entered:
        for program in one.programs:
            program.open(workspace)
    for step in range(steps):
        say("hourly: step %d of %d" % (step + 1, steps))
        generate("hourly-workload.py", root, "--step", step, "--scale", size_factor)
        results["source_bytes"].append(stored_bytes(root))
        for one in entered:
            results["contenders"][one.name].append(one.hour())
    if compare:
        results["differences"] = {one.name: judge(one, workspace) for one in entered
                                  if isinstance(one.programs[0], Varve)}
    for one in entered:
        for program in one.programs:
            program.close()
    workspace.remove(root)
    return results


def judge(one, workspace):
    """Restores the last hour of each part, and counts what differs from the source."""
    found = 0
    for program, paths, _ in one.parts:
        program.cost([*program.restore(), *(word for path in paths for word in ("--path", path))])
        found += sum(differences(path, program.home + "/restored" + path) for path in paths)
        workspace.remove(program.home + "/restored")
    return found
