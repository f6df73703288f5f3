"""The packages beside the main one, for benchmarks and fuzzing, build the same modules from the same sources; `make test`
builds neither of them. What it can see is whether each module still depends on what it depends on in the main package.
"""

import json
import os
import subprocess
import tempfile
import unittest

from workspace import TOP


def dependencies(package, scratch):
    """The names that each target of a package depends on."""
    done = subprocess.run(
        ["swift", "package", "dump-package", "--package-path", os.path.join(TOP, package), "--scratch-path", scratch],
        capture_output=True, text=True, check=True)
    return {target["name"]: sorted((one.get("byName") or one.get("target") or one.get("product"))[0]
                                   for one in target["dependencies"])
            for target in json.loads(done.stdout)["targets"]}


class PackageTests(unittest.TestCase):
    def test_modules_depend_on_the_same_in_each_package(self):
        with tempfile.TemporaryDirectory() as scratch:
            main = dependencies("", scratch)
            for package in ("Benchmarks", "Fuzzing"):
                found = dependencies(package, scratch)
                shared = {name: needed for name, needed in found.items() if name in main}
                self.assertIn("VarveRepository", shared)
                self.assertEqual(shared, {name: main[name] for name in shared}, package)


if __name__ == "__main__":
    unittest.main()
