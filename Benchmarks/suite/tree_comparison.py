"""Varve beside its peers on a tree of real files, step by step, all programs in turn within each step.

    first       an empty repository                    check     every stored byte read and verified
    unchanged   the same command again, three times    changed   a backup after 1% of the files changed
    restore     everything into an empty directory

Every run begins with a fresh copy of the tree, which is read through once. The unchanged step is short, so it is
repeated. Varve unlocks with a key file throughout, as an unattended machine does; the unchanged step has a line
with a password, too.
"""

from programs import Copy, Varve
from running import say
from workspace import copy_tree, count, differences, generate, read_through

STEPS = ("first", "unchanged", "restore", "check", "changed")
UNCHANGED_ROUNDS = 3
DEFAULT_TREE = ("/usr/share", "/usr/lib", "/usr/include")
COMPRESSED = 0.4


def measure(workspace, programs, tree, runs, compare):
    files, size = count(tree)
    on_disk = size + files * 4096
    repositories = sum(1 for program in programs if not isinstance(program, Copy))
    workspace.require("the tree", int(on_disk * (2 + COMPRESSED * repositories)), 2 * files)
    results = {"files": files, "bytes": size, "tree": list(tree), "steps": {step: {} for step in STEPS},
               "stored": {}}
    for run in range(runs):
        say("tree: run %d of %d" % (run + 1, runs))
        one_run(workspace, programs, tree, compare and run == 0, results, seed=run + 1)
    return results


def one_run(workspace, programs, tree, compare, results, seed):
    data = workspace.directory("data")
    paths = copy_tree(tree, data)
    read_through(paths)
    for program in programs:
        program.open(workspace)
    for program in programs:
        workspace.warm(results["bytes"])
        timed(results, "first", program, program.backup(paths))
        results["stored"].setdefault(program.name, []).append(program.stored())
        if isinstance(program, Copy):
            workspace.remove(program.home + "/repository")
    for _ in range(UNCHANGED_ROUNDS):
        for program in programs:
            unchanged(results, program, paths)
    for program in programs:
        restore(workspace, results, program, paths, compare)
    for program in programs:
        timed(results, "check", program, program.check())
    results["changes"] = [generate("change-tree.py", path, "--seed", seed).strip() for path in paths]
    for program in programs:
        if program.deduplicates:
            timed(results, "changed", program, program.backup(paths))
    for program in programs:
        if compare and isinstance(program, Varve):
            program.cost(program.restore())
            judge(results, program, paths)
        program.close()
    workspace.remove(data)


def timed(results, step, program, command, label=None, environment=None):
    if command is None:
        return
    say("tree: %s, %s" % (step, label or program.name))
    cost = program.cost(command, environment)
    results["steps"][step].setdefault(label or program.name, []).append(cost)


def unchanged(results, program, paths):
    command = program.unchanged(paths)
    if isinstance(program, Varve):
        timed(results, "unchanged", program, command)
        timed(results, "unchanged", program, command, "varve, password", program.environment(key_file=False))
    else:
        timed(results, "unchanged", program, command, "find -printf" if isinstance(program, Copy) else None)


def restore(workspace, results, program, paths, compare):
    if isinstance(program, Copy):
        command = ["bash", "-c", 'here=$PWD && mkdir restored && cd / && cp -a --parents "$@" "$here/restored"', "-",
                   *paths]
    else:
        command = program.restore()
    workspace.warm(results["bytes"])
    timed(results, "restore", program, command)
    if compare:
        judge(results, program, paths)
    workspace.remove(program.home + "/restored")


def judge(results, program, paths):
    """Counts with the independent walker what differs between source and restored tree."""
    found = sum(differences(path, program.home + "/restored" + path) for path in paths)
    kept = results.setdefault("differences", {})
    kept[program.name] = kept.get(program.name, 0) + found
