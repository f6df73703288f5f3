"""Pruning after most of a long history was forgotten.

200 hours of the hourly workload (fixtures/generate/hourly-workload.py), each saved by every contender; nine snapshots of
ten are then forgotten, and the repository is pruned. What is left is compared with a repository that never saw
anything but the snapshots which are kept.
"""

from programs import Restic, Varve
from running import say
from workspace import filesystem, generate

SNAPSHOTS = 200
KEPT_OF = 10
SCALE = 0.2
SOURCE_BYTES = 500 << 20
REPOSITORY_BYTES = 2 << 30
FRESH_NAME = "varve, fresh"


def room(size_factor, programs):
    return int((SOURCE_BYTES + REPOSITORY_BYTES * (1 + len(programs))) * size_factor) + (64 << 20)


def measure(workspace, programs, disk, size_factor):
    with workspace.or_on(disk, "the history", room(size_factor, programs), 50_000) as place:
        return play(place, programs, size_factor)


def play(workspace, programs, size_factor):
    root = workspace.join("source")
    pruned = [program for program in programs if isinstance(program, (Varve, Restic))]
    fresh = Varve(programs[0].path)
    fresh.name = FRESH_NAME
    snapshots = max(2 * KEPT_OF, int(SNAPSHOTS * size_factor))
    for program in (*pruned, fresh):
        program.open(workspace)
    for step in range(snapshots):
        if step % 20 == 0:
            say("pruning: snapshot %d of %d" % (step, snapshots))
        generate("hourly-workload.py", root, "--step", step, "--scale", SCALE)
        for program in (*pruned, *([fresh] if is_kept(step) else [])):
            program.cost(program.backup([root]))
    results = {"snapshots": snapshots, "kept": sum(map(is_kept, range(snapshots))),
               "file_system": filesystem(workspace.path), "fresh": fresh.stored(), "steps": {}, "stored": {}}
    for program in pruned:
        found = program.snapshots()
        unwanted = [snapshot for step, snapshot in enumerate(found) if not is_kept(step)]
        before = program.stored()
        costs = {"forget": [program.cost(program.forget(unwanted))], "prune": [program.cost(program.prune())]}
        for step, cost in costs.items():
            results["steps"].setdefault(step, {})[program.name] = cost
        results["stored"][program.name] = {"before": before, "after": program.stored()}
        program.cost(program.check())
    for program in (*pruned, fresh):
        program.close()
    workspace.remove(root)
    return results


def is_kept(step):
    return step % KEPT_OF == KEPT_OF - 1
