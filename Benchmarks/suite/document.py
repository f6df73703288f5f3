"""Makes docs/benchmarks.md: document.md beside this file, with every `{{ name }}` replaced by what was measured.

What is written by hand, the method and the comments on results, is in document.md and stays there. A section that
was never measured says so.
"""

import os
import re

import pictures
import tables

TEMPLATE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "document.md")
MISSING = "Not measured yet."
NOTICE = "<!-- Written by `make bench`; edit Benchmarks/suite/document.md instead. -->\n"
RENDERED = {"tree": tables.tree, "large-files": tables.large_files, "scale": tables.scale, "hourly": tables.hourly,
            "pruning": tables.pruning, "offsite": tables.offsite,
            "index": tables.index, "micro": lambda text: "```\n%s\n```" % text.rstrip("\n")}


def write(figures, path):
    pictures_directory = os.path.splitext(path)[0]
    drawn = pictures.draw(figures, pictures_directory)
    values = {"thresholds": tables.thresholds(figures)}
    for name, render in RENDERED.items():
        data = figures.data(name)
        values[name] = MISSING if data is None else stamped(figures.stamp(name)) + "\n\n" + render(data)
    for name, files in drawn.items():
        values[name] += "".join("\n\n![%s](%s/%s)" % (
            title, os.path.basename(pictures_directory), file) for file, title in files)
    with open(TEMPLATE) as file:
        template = file.read()

    def value(match):
        return values[match.group(1)]

    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w") as file:
        file.write(NOTICE + re.sub(r"\{\{ ([a-z-]+) \}\}", value, template))
    os.replace(path + ".new", path)


def stamped(stamp):
    """When, where and with what a section was measured."""
    machine = stamp["machine"]
    size = {1: "", None: "; not the full data"}.get(stamp["size"]) if stamp["size"] in (1, None) else (
        "; at %g of the full size" % stamp["size"])
    runs = "one run" if stamp["runs"] == 1 else "median of %d runs" % stamp["runs"]
    versions = "\n".join("- %s: %s" % (name.replace("|", "\\|"), version)
                         for name, version in stamp["versions"].items())
    commands = "\n".join("# %s\n%s" % (name, "\n".join(found)) for name, found in stamp["commands"].items())
    return ("%s; %s%s; %d cores of %s, %.0f GiB of memory, %s (%s); %s.\n\n"
            "<details><summary>Commands and versions</summary>\n\n`%s`\n\n%s%s\n\n</details>" % (
                stamp["date"], runs, size, machine["cores"], machine["processor"], machine["memory"] / 2**30,
                machine["kernel"], machine["architecture"], stamp["file_system"], stamp["command"],
                "```sh\n%s\n```\n\n" % commands if commands else "", versions))
