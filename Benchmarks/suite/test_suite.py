"""What of the benchmarks can be wrong without anybody noticing: scales of plots, thresholds, the document."""

import os
import tempfile
import unittest
from xml.etree import ElementTree

import document
import pictures
import plots
import tables
from figures import Figures
from thresholds import ABSENT, PASS, SHORT, THRESHOLDS, Threshold


def cost(seconds, processor=1, peak=1_000_000):
    return {"seconds": seconds, "processor": processor, "peak": peak}


STAMP = {"date": "2026-01-01", "runs": 3, "size": 1, "command": "c", "commands": {"varve": ["varve backup x"]},
         "file_system": "tmpfs", "versions": {"v": "1"},
         "machine": {"processor": "p", "cores": 2, "memory": 1 << 30, "kernel": "Linux 6", "architecture": "x"}}


def some_figures(directory):
    figures = Figures(os.path.join(directory, "benchmarks", "figures.json"))
    hours = [cost(1) | {"stored": 100 << 20}, cost(2) | {"stored": 300 << 20}]
    half = [hour | {"stored": hour["stored"] // 2} for hour in hours]
    figures.keep("hourly", {"steps": 2, "file_system": "tmpfs", "source_bytes": [1, 2],
                            "contenders": {"varve": half, "restic": hours}}, STAMP)
    trees = [{"name": "%d files" % files, "files": files, "directories": 1, "bytes": 1, "one_directory": False,
              "file_system": "tmpfs", "stored": 1, "stored_changed": 2,
              "steps": {step: [cost(files / 1e5)] for step in ("first", "unchanged", "changed")}}
             for files in (10**5, 10**6)]
    figures.keep("scale", trees, STAMP | {"size": 0.5})
    return figures


class PlotTests(unittest.TestCase):
    def test_marks_are_round_and_enclose(self):
        for highest in (0.003, 0.9, 1, 6, 7, 15, 47, 48, 99, 1234, 5e6):
            marks = plots.round_steps(highest)
            self.assertEqual(marks[0], 0)
            self.assertGreaterEqual(marks[-1] * (1 + 1e-9), highest)
            self.assertLessEqual(len(marks), 7)
            self.assertLess(marks[-2], highest)

    def test_powers_enclose(self):
        self.assertEqual(plots.powers(0.02, 5), [0.01, 0.1, 1, 10])
        self.assertEqual(plots.powers(10, 100), [10, 100])
        self.assertEqual(plots.powers(3, 3), [1, 10])

    def test_axis_maps_its_ends(self):
        axis = plots.Axis([1e5, 5e6], 10, 110, logarithmic=True, tight=True)
        self.assertAlmostEqual(axis.at(1e5), 10)
        self.assertAlmostEqual(axis.at(5e6), 110)
        self.assertAlmostEqual(plots.Axis([0, 47], 0, 47, tight=True).at(23), 23)

    def test_labels_keep_their_distance(self):
        places = plots.apart([10, 11, 12, 360, 365, 370])
        self.assertTrue(all(b - a >= 16 for a, b in zip(places, places[1:])))
        self.assertLessEqual(places[-1], 372)

    def test_pictures_are_xml_with_title_and_description(self):
        with tempfile.TemporaryDirectory() as directory:
            for found in pictures.draw(some_figures(directory), directory).values():
                for name, title in found:
                    root = ElementTree.parse(os.path.join(directory, name)).getroot()
                    self.assertEqual(root[0].text, title)
                    self.assertTrue(root[1].text)


class ThresholdTests(unittest.TestCase):
    def test_the_largest_index_counts(self):
        with tempfile.TemporaryDirectory() as directory:
            figures = Figures(os.path.join(directory, "figures.json"))
            rows = [{"rows": 10**8, "hitNanoseconds": 4000}, {"rows": 10**6, "hitNanoseconds": 90}]
            figures.keep("index", rows, STAMP)
            found = {one.what: one.value(figures) for one in THRESHOLDS}
            self.assertEqual(found["index of 10^8 rows, hit"], 4)
            self.assertIsNone(found["index of 10^8 rows, miss"])

    def test_verdicts(self):
        with tempfile.TemporaryDirectory() as directory:
            figures = some_figures(directory)
            for limit, least, expected in ((0.5, False, PASS), (0.49, False, SHORT), (0.5, True, PASS),
                                           (0.51, True, SHORT)):
                threshold = Threshold("", "", "hourly", lambda data: 0.5, limit, least=least)
                self.assertEqual(threshold.verdict(figures), expected)

    def test_stored_bytes_are_a_ratio_of_the_last_hour(self):
        with tempfile.TemporaryDirectory() as directory:
            figures = some_figures(directory)
            found = {one.what: one.value(figures) for one in THRESHOLDS}
            self.assertEqual(found["stored bytes, hourly workload"], 0.5)
            self.assertEqual(found["peak memory, backups of 5,000,000 files"], 1)

    def test_what_was_not_measured_passes_nothing(self):
        with tempfile.TemporaryDirectory() as directory:
            figures = Figures(os.path.join(directory, "none.json"))
            self.assertEqual({one.verdict(figures) for one in THRESHOLDS}, {ABSENT})

    def test_reduced_size_is_said(self):
        with tempfile.TemporaryDirectory() as directory:
            row = next(line for line in tables.thresholds(some_figures(directory)).splitlines() if "5,000,000" in line)
            self.assertIn("reduced size", row)


class DocumentTests(unittest.TestCase):
    def test_every_placeholder_is_filled_from_kept_figures(self):
        with tempfile.TemporaryDirectory() as directory:
            some_figures(directory)
            path = os.path.join(directory, "benchmarks.md")
            document.write(Figures(os.path.join(directory, "benchmarks", "figures.json")), path)
            with open(path) as file:
                text = file.read()
            self.assertNotIn("{{", text)
            self.assertIn("(benchmarks/hourly-stored.svg)", text)
            self.assertIn(document.MISSING, text)
            self.assertIn("# varve\nvarve backup x\n", text)
            self.assertIn("2026-01-01; median of 3 runs; 2 cores", text)


if __name__ == "__main__":
    unittest.main()
