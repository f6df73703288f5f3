"""Varve alone on generated trees of growing size: does its cost grow with the tree, and its memory stay flat?

Every step unlocks with a key file, because the memory that a password takes would hide what the tree takes. A
tree that finds no room in memory is made on a disk instead, and its figures say so.
"""

import json

from programs import LISTING, SHELL, Varve
from running import run, say
from workspace import filesystem, generate, is_memory

SIZES = (100_000, 1_000_000, 5_000_000)
SIBLINGS = 1_000_000
# Two pages a file of ordinary size: its own and, spread over many, its directory's and repository's.
BYTES_A_FILE = 5 << 10
STEPS = ("find -printf", "first", "unchanged", "changed", "ls", "find", "diff", "check", "check --read-data")


def measure(workspace, binary, disk, size_factor):
    trees = [(int(size * size_factor), False) for size in SIZES] + [(int(SIBLINGS * size_factor), True)]
    results = []
    for files, one_directory in trees:
        needed = files * BYTES_A_FILE + (256 << 20)
        with workspace.or_on(disk, "a tree of %d files" % files, needed, files + files // 10) as place:
            results.append(one_tree(place, binary, files, one_directory))
    return results


def one_tree(workspace, binary, files, one_directory):
    name = "%d files%s" % (files, " in one directory" if one_directory else "")
    say("scale: %s: making the tree in %s" % (name, workspace.parent))
    tree = workspace.join("tree")
    made = json.loads(generate("file-tree.py", tree, "--files", files,
                               *(["--one-directory"] if one_directory else [])))
    result = made | {"name": name, "one_directory": one_directory,
                     "file_system": filesystem(workspace.path), "steps": {}}
    varve = Varve(binary)
    varve.open(workspace)

    def step(step_name, *command):
        say("scale: %s: %s" % (name, step_name))
        if not is_memory(workspace.path):
            run(["sync", "--file-system", workspace.path])
        result["steps"][step_name] = [varve.cost(list(command))]

    backup = varve.backup([tree])
    step("find -printf", *SHELL, LISTING, "-", tree)
    step("first", *backup)
    result["stored"] = varve.stored()
    step("unchanged", *backup)
    result["changes"] = json.loads(generate("change-tree.py", tree))
    step("changed", *backup)
    result["stored_changed"] = varve.stored()
    step("ls", "varve", "ls", "-q", "latest")
    step("find", "varve", "find", "-q", "--snapshot", "latest", "*-4242.*")
    step("diff", "varve", "diff", "-q", "latest~1", "latest")
    step("check", "varve", "check", "-q")
    step("check --read-data", *varve.check())
    varve.close()
    workspace.remove(tree)
    return result
