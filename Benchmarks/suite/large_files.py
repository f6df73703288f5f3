"""First backups of one large file, incompressible and compressible: can one file use every processor?"""

import os

from programs import SHELL, Varve
from running import Failure, say
from workspace import generate

KINDS = {"incompressible": 4 << 30, "compressible": 8 << 30}
LARGEST_REPOSITORY = {"incompressible": 1.02, "compressible": 0.4}


def measure(workspace, programs, runs, size_factor, compare):
    results = {}
    for kind, full_size in KINDS.items():
        size = int(full_size * size_factor) >> 20 << 20
        programs_here = [program for program in programs if program.name != "cp -a"]
        workspace.require("a file of %.1f GiB" % (size / 2**30), int(size * (1 + LARGEST_REPOSITORY[kind])), 10000)
        path = workspace.join(kind)
        say("large files: %s, %.2f GiB" % (kind, size / 2**30))
        generate("large-file.py", path, "--size", size, "--kind", kind)
        result = results[kind] = {"bytes": size, "first": {}, "stored": {}}
        for run in range(runs):
            for program in programs_here:
                say("large files: %s, run %d of %d, %s" % (kind, run + 1, runs, program.name))
                program.open(workspace)
                workspace.warm(int(size * LARGEST_REPOSITORY[kind]))
                result["first"].setdefault(program.name, []).append(program.cost(program.backup([path])))
                result["stored"].setdefault(program.name, []).append(program.stored())
                if compare and run == 0 and isinstance(program, Varve):
                    result["identical"] = dumps_the_same(program, path)
                program.close()
        os.unlink(path)
    return results


def dumps_the_same(varve, path):
    """Whether the stored file is the source, byte by byte, without the room for a second copy."""
    command = [*SHELL, '"$0" dump -q latest "$1" | cmp --quiet - "$1"', varve.path, path]
    try:
        varve.cost(command)
        return True
    except Failure as failure:
        say(str(failure))
        return False
