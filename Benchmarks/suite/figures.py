"""The figures that were measured, kept as JSON, so that the document can be made of parts measured apart.

    {"sections": {NAME: {"stamp": {...}, "data": {...}}}}

A stamp says when, on what machine and file system, with which versions, by which command, in how many runs and at
which fraction of the full size a section was measured. A section that is measured again replaces the earlier one.
"""

import json
import os
import platform
import time

from running import PROCESSORS, first_line
from workspace import filesystem


class Figures:
    def __init__(self, path):
        self.path = path
        self.sections = {}
        if os.path.exists(path):
            with open(path) as file:
                self.sections = json.load(file)["sections"]

    def data(self, name):
        return self.sections.get(name, {}).get("data")

    def stamp(self, name):
        return self.sections.get(name, {}).get("stamp")

    def reduced(self, name):
        return self.sections.get(name, {}).get("stamp", {}).get("size", 1) != 1

    def keep(self, name, data, stamp):
        """Written at once, in one step: a later section that fails or is interrupted takes nothing away."""
        self.sections[name] = {"stamp": stamp, "data": data}
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        with open(self.path + ".new", "w") as file:
            json.dump({"sections": self.sections}, file, indent=1)
            file.write("\n")
        os.replace(self.path + ".new", self.path)


def machine():
    model, memory = "unknown", 0
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    with open("/proc/meminfo") as file:
        for line in file:
            if line.startswith("MemTotal:"):
                memory = int(line.split()[1]) << 10
    return {"processor": model, "cores": PROCESSORS, "memory": memory,
            "kernel": platform.system() + " " + platform.release().split("-")[0], "architecture": platform.machine()}


def stamp(programs, commands, invocation, place, runs, size):
    """For a section that these programs took part in, by these commands of each, at a place."""
    return {"date": time.strftime("%Y-%m-%d"), "machine": machine(), "command": invocation,
            "commands": {name: list(found) for name, found in commands.items()},
            "file_system": filesystem(place), "runs": runs, "size": size,
            "versions": {program.name: program.described() for program in programs} | {
                "Python": platform.python_version(), "find": first_line(["find", "--version"])}}
