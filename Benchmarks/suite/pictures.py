"""Which figures are drawn, and how."""

import os

import plots
from running import median
from thresholds import PASS, THRESHOLDS


def draw(figures, directory):
    """Writes the pictures whose figures are there, and gives (file name, title) of each by section."""
    made = {}
    for section, name, picture in (
            ("thresholds", "thresholds.svg", ratios(figures)),
            ("scale", "scale-time.svg", scale(figures.data("scale"), "seconds", 1)),
            ("scale", "scale-memory.svg", scale(figures.data("scale"), "peak", 2**20)),
            ("hourly", "hourly-stored.svg", hourly(figures.data("hourly")))):
        path = os.path.join(directory, name)
        if picture is None:
            if os.path.exists(path):
                os.unlink(path)
            continue
        os.makedirs(directory, exist_ok=True)
        title, drawing = picture
        with open(path, "w") as file:
            file.write(drawing)
        made.setdefault(section, []).append((name, title))
    return made


def ratios(figures):
    rows = []
    for threshold in THRESHOLDS:
        value = threshold.value(figures)
        if value:
            label = shorter(threshold.what + (" / " + threshold.against.replace("\\", "") if threshold.against else ""))
            used = threshold.limit / value if threshold.least else value / threshold.limit
            words = "%.3g of %g %s" % (value, threshold.limit, threshold.unit)
            rows.append((label, used, words, threshold.verdict(figures) == PASS))
    if not rows:
        return None
    title = "How much of each limit is used"
    description = "; ".join("%s: %s" % (label, words) for label, _, words, _ in rows)
    return title, plots.bars(title, description, rows, "shorter is better; orange is beyond the limit", 2.5)


SHORTER = ((", /usr tree", ""), ("first backup, ", ""), ("file / ", "/ "), (", key file", ""), (" backup /", " /"),
           (" backup, ", ", "), ("stored bytes, hourly workload", "stored, hourly"), (" for blocks", ""),
           ("find -printf", "find"), (" -3 -T2", ""), ("index of 10^8 rows, ", "index 10^8, "))


def shorter(label):
    for long, short in SHORTER:
        label = label.replace(long, short)
    return label


def scale(data, field, divisor):
    trees = sorted((tree for tree in data or () if not tree["one_directory"]), key=lambda tree: tree["files"])
    if len(trees) < 2:
        return None
    series = []
    for step in trees[0]["steps"]:
        values = [(tree["files"], median(tree["steps"][step], field) / divisor)
                  for tree in trees if step in tree["steps"]]
        if field == "seconds" or step != "find -printf":
            series.append((step, values))
    title, unit = ("Time by files in the tree", "seconds") if field == "seconds" else (
        "Peak memory by files in the tree", "MiB")
    description = "; ".join("%s: %s" % (name, ", ".join("%d files %.3g" % value for value in values))
                            for name, values in series)
    return title, plots.lines(title, description, series, "files", unit, x_logarithmic=True,
                              y_logarithmic=field == "seconds")


def hourly(data):
    if not data:
        return None
    series = [(name, [(hour, step["stored"] / 2**30) for hour, step in enumerate(steps)])
              for name, steps in data["contenders"].items()]
    title = "Bytes stored over %d hourly backups" % data["steps"]
    description = "; ".join("%s: from %.2f to %.2f GiB" % (name, values[0][1], values[-1][1])
                            for name, values in series)
    return title, plots.lines(title, description, series, "hour", "GiB")
