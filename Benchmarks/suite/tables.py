"""Tables in Markdown from the figures of each section."""

from large_files import KINDS
from running import median, utilisation
from thresholds import ABSENT, THRESHOLDS, median_of

OFFSITE_TITLES = (("first", "First backup"), ("restore", "Restore on another machine"))
TREE_TITLES = (("first", "First backup"), ("unchanged", "Unchanged backup"), ("changed", "1% of the files changed"),
               ("restore", "Restore"), ("check", "Every stored byte read and verified"))


def table(heads, rows):
    """The first column reads, the others are numbers."""
    return "\n".join(["| " + " | ".join(heads) + " |", "|---" + "|---:" * (len(heads) - 1) + "|"]
                     + ["| " + " | ".join(row) + " |" for row in rows])


def cell(name):
    return name.replace("|", "\\|")


def mebibytes(size):
    return "%.0f MiB" % (size / 2**20) if size >= 10 << 20 else "%.1f MiB" % (size / 2**20)


def time(seconds):
    return "%.2f s" % seconds if seconds < 100 else "%.0f s" % seconds


def costs(found, cores=False):
    """One line a program: time, Varve's time as a multiple of it, processor time, memory."""
    ours = median(found.get("varve"), "seconds")
    rows = []
    for name, measured in found.items():
        wall = median(measured, "seconds")
        row = [cell(name), time(wall), "" if name == "varve" or not ours else "%.2f x" % (ours / wall),
               time(median(measured, "processor")), mebibytes(median(measured, "peak"))]
        rows.append(row + (["%.0f%%" % (100 * utilisation(measured))] if cores else []))
    heads = ["program", "wall clock", "varve is", "user + system", "peak memory"]
    return table(heads + (["processors busy"] if cores else []), rows)


def stored(found):
    ours = median_of(found["varve"])
    return table(["program", "stored", "varve is"], [
        [cell(name), mebibytes(median_of(sizes)),
         "" if name == "varve" else "%.3f x" % (ours / max(1, median_of(sizes)))]
        for name, sizes in found.items()])


def tree(data):
    parts = ["%d files, %.2f GiB: `%s`." % (data["files"], data["bytes"] / 2**30, " ".join(data["tree"]))]
    for step, title in TREE_TITLES:
        if data["steps"][step]:
            parts += ["**%s**" % title, costs(data["steps"][step])]
    parts += ["**Stored after the first backup**", stored(data["stored"])]
    if "differences" in data:
        parts.append(unequal_entries(data["differences"]))
    return "\n\n".join(parts)


def unequal_entries(found):
    return ("Entries of the restored trees that differ from the source in content or any metadata: "
            + ", ".join("%s %d" % item for item in found.items()) + ".")


def large_files(data):
    parts = []
    for kind in KINDS:
        if kind in data:
            found = data[kind]
            parts += ["**%s, %.2f GiB**" % (kind.capitalize(), found["bytes"] / 2**30),
                      costs(found["first"], cores=True), stored(found["stored"])]
            if "identical" in found:
                parts.append("What Varve gave back was %s." % (
                    "the same, byte by byte" if found["identical"] else "NOT the same"))
    return "\n\n".join(parts)


def scale(data):
    steps = list(dict.fromkeys(step for tree in data for step in tree["steps"]))
    heads = ["step"] + ["%s<br>%s" % (tree["name"], tree["file_system"]) for tree in data]
    each, memory = [], []
    for step in steps:
        found = [tree["steps"].get(step) for tree in data]
        each.append([step] + [
            "%s, %.1f µs" % (time(median(one, "seconds")), median(one, "seconds") * 1e6 / tree["files"]) if one else ""
            for one, tree in zip(found, data)])
        memory.append([step] + [mebibytes(median(one, "peak")) if one else "" for one in found])
    sizes = [[title] + [text(tree) for tree in data] for title, text in (
        ("directories", lambda tree: str(tree["directories"])),
        ("content", lambda tree: mebibytes(tree["bytes"])),
        ("stored", lambda tree: mebibytes(tree["stored"])),
        ("stored by the changed backup", lambda tree: mebibytes(tree["stored_changed"] - tree["stored"])))]
    return "\n\n".join(["**Time, and time a file of the tree**", table(heads, each), "**Peak memory**",
                        table(heads, memory), "**Sizes**", table(["size", *heads[1:]], sizes)])


def hourly(data):
    rows, restic = [], data["contenders"].get("restic")
    for name, steps in data["contenders"].items():
        final, first = steps[-1]["stored"], steps[0]["stored"]
        later = sorted(step["seconds"] for step in steps[1:]) or [0]
        rows.append([name, mebibytes(first), mebibytes((final - first) / max(1, len(steps) - 1)), mebibytes(final),
                     "%.3f x" % (final / restic[-1]["stored"]) if restic else "", time(steps[0]["seconds"]),
                     time(later[len(later) // 2]), time(sum(step["seconds"] for step in steps)),
                     mebibytes(max(step["peak"] for step in steps))])
    text = table(["program", "stored, first", "each later hour", "in all", "of restic's", "time, first",
                  "later, median", "in all", "peak memory"], rows)
    sources = data["source_bytes"]
    text += "\n\n%d hours; on %s; the source grows from %s to %s." % (
        data["steps"], data["file_system"], mebibytes(sources[0]), mebibytes(sources[-1]))
    if "differences" in data:
        text += " Entries of the restored last hour that differ from the source: " + ", ".join(
            "%s %d" % item for item in data["differences"].items()) + "."
    return text


def pruning(data):
    parts = ["%d snapshots, of which %d are kept; on %s." % (data["snapshots"], data["kept"], data["file_system"])]
    for name, title in (("forget", "Forget"), ("prune", "Prune")):
        parts += ["**%s**" % title, costs(data["steps"][name])]
    rows = [[name, mebibytes(sizes["before"]), mebibytes(sizes["after"]),
             "%.3f x" % (sizes["after"] / data["fresh"])] for name, sizes in data["stored"].items()]
    rows.append(["varve, a fresh repository of the kept snapshots", "", mebibytes(data["fresh"]), ""])
    return "\n\n".join(parts + ["**Stored**", table(["program", "before", "after", "of a fresh one's"], rows)])


def offsite(data):
    parts = ["%d files, %.2f GB, round trips of %d ms." % (data["files"], data["bytes"] / 1e9, data["round_trip"])]
    far = ", %d ms" % data["round_trip"]
    for step, title in OFFSITE_TITLES:
        found = data["steps"][step]
        # Each against Varve over the same line.
        parts += ["**%s**" % title, costs({name: one for name, one in found.items() if not name.endswith(far)}),
                  "**%s over the long line**" % title,
                  costs({name.removesuffix(far): one for name, one in found.items() if name.endswith(far)})]
    parts += ["**Stored**", stored(data["stored"])]
    if "differences" in data:
        parts.append(unequal_entries(data["differences"]))
    return "\n\n".join(parts)


INDEX_COLUMNS = (
    ("rows", "rows", "{:,.0f}", 1), ("segments", "segments", "{:,.0f}", 1), ("building", "buildSeconds", "{:.1f} s", 1),
    ("merging", "mergeSeconds", "{:.1f} s", 1), ("merges write", "mergeBytes", "{:,.0f} MiB", 2**20),
    ("memory, building", "buildMemory", "{:.0f} MiB", 2**20), ("on disk", "cacheBytes", "{:,.0f} MiB", 2**20),
    ("open", "openSeconds", "{:.1f} ms", 1e-3), ("hit", "hitNanoseconds", "{:.2f} µs", 1e3),
    ("miss", "missNanoseconds", "{:.2f} µs", 1e3), ("memory, open", "memory", "{:.0f} MiB", 2**20))


def index(data):
    return table([title for title, _, _, _ in INDEX_COLUMNS], [
        [form.format(row[field] / unit) if field in row else "" for _, field, form, unit in INDEX_COLUMNS]
        for row in data])


def thresholds(figures):
    rows = []
    for threshold in THRESHOLDS:
        value, unit_name = threshold.value(figures), " " + threshold.unit
        verdict = threshold.verdict(figures)
        if verdict != ABSENT and figures.reduced(threshold.section):
            verdict += " (reduced size)"
        rows.append([threshold.what, threshold.against, "" if value is None else "%.3g" % value + unit_name,
                     ("at least " if threshold.least else "at most ") + "%g" % threshold.limit + unit_name, verdict])
    return table(["what", "of", "measured", "limit", "verdict"], rows)
