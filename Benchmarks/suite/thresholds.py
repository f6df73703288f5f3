"""What Varve promises about its speed, as data: what is measured, against what, and the limit.

A threshold's measure gives a number or, where the figures lack it, nothing. Times are medians over the runs, and
a ratio is one of medians.
"""

from dataclasses import dataclass
from typing import Callable

from running import median, utilisation

TREE, LARGE, SCALE, HOURLY, PRUNING = "tree", "large-files", "scale", "hourly", "pruning"
INDEX, OFFSITE = "index", "offsite"
MEGABYTE = 1_000_000
PASS, SHORT, ABSENT = "pass", "SHORT", "not measured"


@dataclass(frozen=True)
class Threshold:
    what: str
    against: str
    section: str
    measure: Callable
    limit: float
    unit: str = "x"
    least: bool = False

    def value(self, figures):
        data = figures.data(self.section)
        try:
            return None if data is None else self.measure(data)
        except (KeyError, IndexError, TypeError, ZeroDivisionError):
            return None

    def verdict(self, figures):
        value = self.value(figures)
        if value is None:
            return ABSENT
        return PASS if (value >= self.limit if self.least else value <= self.limit) else SHORT


def seconds(costs):
    return median(costs, "seconds")


def step(name, other, ours="varve"):
    return lambda data: seconds(data["steps"][name][ours]) / seconds(data["steps"][name][other])


def large(kind, other):
    return lambda data: seconds(data[kind]["first"]["varve"]) / seconds(data[kind]["first"][other])


def busy(kind):
    return lambda data: utilisation(data[kind]["first"]["varve"]) * 100


def listing(data):
    found = data["steps"]["unchanged"]
    return seconds(found["varve"]) / (1.2 * seconds(found["find -printf"]) + 0.1)


def largest(peaks):
    return max(peaks) / MEGABYTE


def tree_peak(data):
    return largest(median(costs, "peak") for of_step in data["steps"].values()
                   for name, costs in of_step.items() if name.startswith("varve"))


def large_peak(data):
    return largest(median(kind["first"]["varve"], "peak") for kind in data.values())


def scale_peak(data):
    tree = max((one for one in data if not one["one_directory"]), key=lambda one: one["files"])
    return largest(median(tree["steps"][name], "peak") for name in ("first", "unchanged", "changed"))


def stored(data):
    return median_of(data["stored"]["varve"]) / median_of(data["stored"]["restic"])


def median_of(values):
    return median([{"value": value} for value in values], "value")


def hourly(ours):
    return lambda data: data["contenders"][ours][-1]["stored"] / data["contenders"]["restic"][-1]["stored"]


def pruned_size(data):
    return data["stored"]["varve"]["after"] / data["fresh"]


def prune_peak(data):
    return largest(median(found["varve"], "peak") for found in data["steps"].values())


def index(field, divisor=1):
    return lambda data: max(data, key=lambda row: row["rows"])[field] / divisor


THRESHOLDS = (
    Threshold("first backup, /usr tree", "tar \\| zstd -3 -T2", TREE, step("first", "tar | zstd"), 1.0),
    Threshold("first backup, /usr tree", "restic", TREE, step("first", "restic"), 0.33),
    Threshold("first backup, /usr tree", "borg", TREE, step("first", "borg"), 0.33),
    Threshold("first backup, 4 GiB incompressible file", "restic", LARGE, large("incompressible", "restic"), 0.25),
    Threshold("first backup, 4 GiB incompressible file", "borg", LARGE, large("incompressible", "borg"), 0.30),
    Threshold("first backup, 4 GiB incompressible file", "all cores", LARGE, busy("incompressible"), 85, "%", True),
    Threshold("first backup, 8 GiB compressible file", "restic", LARGE, large("compressible", "restic"), 0.33),
    Threshold("first backup, 8 GiB compressible file", "all cores", LARGE, busy("compressible"), 85, "%", True),
    Threshold("unchanged backup, /usr tree, key file", "1.2 x find -printf + 0.1 s", TREE, listing, 1.0),
    Threshold("unchanged backup, /usr tree, key file", "restic", TREE, step("unchanged", "restic"), 0.15),
    Threshold("1% of files changed", "restic", TREE, step("changed", "restic"), 0.25),
    Threshold("restore, /usr tree", "cp -a", TREE, step("restore", "cp -a"), 1.3),
    Threshold("restore, /usr tree", "restic", TREE, step("restore", "restic"), 0.33),
    Threshold("check --read-data", "restic", TREE, step("check", "restic"), 0.40),
    Threshold("peak memory, any step on the /usr tree", "", TREE, tree_peak, 250, "MB"),
    Threshold("peak memory, large files", "", LARGE, large_peak, 250, "MB"),
    Threshold("peak memory, backups of 5,000,000 files", "", SCALE, scale_peak, 500, "MB"),
    Threshold("index of 10^8 rows, open", "", INDEX, index("openSeconds"), 1, "s"),
    Threshold("index of 10^8 rows, hit", "", INDEX, index("hitNanoseconds", 1000), 5, "µs"),
    Threshold("index of 10^8 rows, miss", "", INDEX, index("missNanoseconds", 1000), 1, "µs"),
    Threshold("index of 10^8 rows, resident", "", INDEX, index("memory", MEGABYTE), 300, "MB"),
    Threshold("stored bytes, /usr tree", "restic", TREE, stored, 0.98),
    Threshold("stored bytes, hourly workload", "restic", HOURLY, hourly("varve"), 0.85),
    Threshold("stored bytes, hourly workload, small chunks for blocks", "restic", HOURLY,
              hourly("varve, small chunks"), 0.85),
    Threshold("prune after forgetting 90% of 200 snapshots", "restic", PRUNING, step("prune", "restic"), 0.5),
    Threshold("stored bytes afterwards", "a fresh repository", PRUNING, pruned_size, 1.05),
    Threshold("peak memory, forget and prune", "", PRUNING, prune_peak, 250, "MB"),
    Threshold("first backup to S3 over 50 ms", "the same over 0 ms", OFFSITE, step("first", "varve", "varve, 50 ms"), 1.3),
    Threshold("first backup to S3 over 50 ms", "restic", OFFSITE, step("first", "restic, 50 ms", "varve, 50 ms"), 0.5),
    Threshold("restore from S3 over 50 ms", "the same over 0 ms", OFFSITE, step("restore", "varve", "varve, 50 ms"), 1.3),
    Threshold("restore from S3 over 50 ms", "restic", OFFSITE, step("restore", "restic, 50 ms", "varve, 50 ms"), 0.5),
)
