"""Tests of varve_rescue.py: on the fixtures, on repositories made by a varve binary (VARVE, or .build/release/varve),
and on damaged ones. Trees are compared as fixtures/walker/walk.py describes them."""
import contextlib, io, os, random, re, shutil, struct, subprocess, sys, tempfile, unittest
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parent))
sys.dont_write_bytecode = True
import varve_rescue

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = sorted((ROOT / "fixtures/repositories").glob("v1*"))
VARVE = Path(os.environ.get("VARVE", ROOT / ".build/release/varve")).resolve()


def rescue(*arguments: object) -> tuple[int, str, str]:
    """Exit status, output and complaints of the program, run in this process."""
    varve_rescue.complaints.clear()
    out, err, here = io.StringIO(), io.StringIO(), os.getcwd()
    saved, sys.argv = sys.argv, ["varve_rescue.py", *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = varve_rescue.main()
    except SystemExit as exit:
        status = exit.code
    finally:
        sys.argv = saved
        os.chdir(here)
    return status, out.getvalue(), err.getvalue()


def describe(tree: Path) -> str:
    walker = ROOT / "fixtures/walker/walk.py"
    listing = subprocess.run([sys.executable, walker, "list", "--skip-root", tree], check=True, capture_output=True)
    return without_owners(listing.stdout.decode())


def without_owners(listing: str) -> str:
    return listing if os.geteuid() == 0 else re.sub(r"\tuid=\d+\tgid=\d+", "", listing)


class TemporaryTest(unittest.TestCase):
    maxDiff = 4000

    def setUp(self) -> None:
        self.work = Path(tempfile.mkdtemp(prefix="varve-rescue-"))
        self.addCleanup(subprocess.run, ["rm", "-rf", self.work], check=True)


class FixtureTests(TemporaryTest):
    def test_every_snapshot_restores_to_what_was_saved(self) -> None:
        self.assertTrue(FIXTURES)
        for fixture in FIXTURES:
            secrets = (["--password-file", fixture / "password"], ["--key-file", fixture / "key-file", "--without-index"])
            for number, secret in enumerate(secrets):
                target = self.work / f"{fixture.name}-{number}"
                status, output, errors = rescue(*secret, fixture / "repository", "restore", "all", target)
                self.assertEqual((status, errors), (0, ""))
                ids = re.findall("^[0-9a-f]{64}", output, re.MULTILINE)
                self.assertEqual(sorted(ids), sorted(os.listdir(target)))
                for i, snapshot in enumerate(ids):
                    expected = without_owners((fixture / f"tree-{i}.txt").read_text())
                    self.assertEqual(describe(target / snapshot), expected)

    def test_one_snapshot_by_the_start_of_its_id(self) -> None:
        options = ["--key-file", FIXTURES[0] / "key-file", FIXTURES[0] / "repository"]
        status, output, _ = rescue(*options, "list")
        snapshot = re.findall("^[0-9a-f]{64}", output, re.MULTILINE)[1]
        self.assertEqual(status, 0)
        self.assertEqual(rescue(*options, "restore", snapshot[:8], self.work / "new")[0], 0)
        expected = without_owners((FIXTURES[0] / "tree-1.txt").read_text())
        self.assertEqual(describe(self.work / "new"), expected)
        self.assertEqual(rescue(*options, "restore", "zz", self.work / "none")[0], 1)
        status, _, errors = rescue(*options, "restore", snapshot, self.work / "new")
        self.assertEqual(status, 1)
        self.assertIn("not empty", errors)

    def test_wrong_secrets(self) -> None:
        wrong = self.work / "password"
        wrong.write_text("another\n")
        status, _, errors = rescue("--password-file", wrong, FIXTURES[0] / "repository", "list")
        self.assertEqual(status, 1)
        self.assertIn("no credential", errors)
        status, _, errors = rescue("--key-file", FIXTURES[1] / "key-file", FIXTURES[0] / "repository", "list")
        self.assertEqual(status, 1)
        self.assertIn("another repository", errors)

    def test_usage(self) -> None:
        self.assertEqual(rescue(FIXTURES[0] / "repository", "restore")[0], 2)

    def test_it_is_short(self) -> None:
        self.assertLessEqual(len(Path(varve_rescue.__file__).read_text().splitlines()), 500)


class DamageTests(TemporaryTest):
    def setUp(self) -> None:
        super().setUp()
        self.repository = self.work / "repository"
        shutil.copytree(FIXTURES[0] / "repository", self.repository)
        self.key = ["--key-file", FIXTURES[0] / "key-file"]
        lines = [line for i in (0, 1) for line in (FIXTURES[0] / f"sha256sums-{i}").read_bytes().splitlines()]
        self.sums = {tuple(line.split(b"  ./", 1)) for line in lines if not line.startswith(b"\\")}

    def objects(self) -> list[Path]:
        return sorted(path for path in self.repository.rglob("*") if path.is_file())

    def test_each_flipped_bit_is_found(self) -> None:
        generator = random.Random(4)
        for path in self.objects():
            content = path.read_bytes()
            for at in {0, len(content) - 1, *generator.sample(range(len(content)), 10)}:
                flipped = bytearray(content)
                flipped[at] ^= 1 << generator.randrange(8)
                path.write_bytes(flipped)
                status, _, errors = rescue(*self.key, self.repository, "verify")
                self.assertEqual(status, 1, f"byte {at} of {path}")
                self.assertIn("varve_rescue: ", errors)
            path.write_bytes(content)

    def test_each_truncation_and_each_loss_is_found(self) -> None:
        for path in self.objects():
            content = path.read_bytes()
            for length in (0, 1, len(content) // 2, len(content) - 1):
                path.write_bytes(content[:length])
                self.assertEqual(rescue(*self.key, self.repository, "verify")[0], 1, f"{path} cut to {length}")
            path.unlink()
            self.assertEqual(rescue(*self.key, self.repository, "verify")[0], 1, f"{path} lost")
            path.write_bytes(content)

    def test_of_damaged_packs_nothing_wrong_is_restored(self) -> None:
        generator = random.Random(5)
        for number, path in enumerate(path for path in self.objects() if path.parts[-3] == "packs"):
            content = path.read_bytes()
            for at in generator.sample(range(len(content)), 3):
                path.write_bytes(content[:at] + bytes([content[at] ^ 64]) + content[at + 1:])
                target = self.work / f"restored-{number}-{at}"
                status, _, errors = rescue(*self.key, self.repository, "restore", "all", target)
                for file in target.glob("*/**/*"):
                    if file.is_file() and not file.is_symlink() and "\n" not in file.name:
                        content_digest = varve_rescue.digest(file.read_bytes()).hex().encode()
                        path_in_snapshot = os.fsencode(file.relative_to(target)).split(b"/", 1)[1]
                        self.assertIn((content_digest, path_in_snapshot), self.sums)
                self.assertTrue(status == 1 or not errors)
            path.write_bytes(content)

    def test_without_an_index(self) -> None:
        shutil.rmtree(self.repository / "index")
        self.assertEqual(rescue(*self.key, self.repository, "restore", "all", self.work / "a")[0], 1)
        status, _, errors = rescue(*self.key, "--without-index", self.repository, "restore", "all", self.work / "b")
        self.assertEqual((status, errors), (0, ""))

    def test_without_a_log(self) -> None:
        shutil.rmtree(self.repository / "log")
        self.assertEqual(rescue(*self.key, self.repository, "restore", "all", self.work / "a")[0], 1)
        status, output, _ = rescue(*self.key, "--without-log", self.repository, "restore", "all", self.work / "b")
        self.assertEqual(status, 1)
        for i, snapshot in enumerate(sorted(re.findall("^([0-9a-f]{64}) (.*)", output, re.M), key=lambda s: s[1])):
            expected = without_owners((FIXTURES[0] / f"tree-{i}.txt").read_text())
            self.assertEqual(describe(self.work / "b" / snapshot[0]), expected)

    def test_a_log_that_was_cut_is_found(self) -> None:
        newest = sorted((self.repository / "log/commits").iterdir())[-1]
        newest.unlink()
        status, _, errors = rescue(*self.key, self.repository, "list")
        self.assertEqual(status, 1)
        self.assertIn("6 entries", errors)


class HostileTests(unittest.TestCase):
    def entry(self, name: bytes) -> bytes:
        fifo = bytes([4, 0]) + bytes([0xA4, 3]) + bytes(4)
        return bytes([len(name)]) + name + fifo

    def test_names_that_lead_elsewhere(self) -> None:
        self.assertEqual(varve_rescue.decode_entry(self.entry(b"name")).name, b"name")
        for name in (b"", b".", b"..", b"a/b", b"/", b"../x", b"a\0b"):
            with self.assertRaises(varve_rescue.Damage):
                varve_rescue.decode_entry(self.entry(name))

    def test_numbers(self) -> None:
        for data in (b"\x80\x00", b"\xff" * 10, b"\x80", b"", b"\xff" * 9 + b"\x02"):
            with self.assertRaises(varve_rescue.Damage):
                varve_rescue.Decoder(data).number()
        self.assertEqual(varve_rescue.Decoder(b"\xff" * 9 + b"\x01").number(), 2**64 - 1)

    def test_json(self) -> None:
        self.assertEqual(varve_rescue.parse('{"a":[-1,"\u00e9\\u001f\\n"],"b":null}'.encode()), {"a": [-1, "\u00e9\x1f\n"], "b": None})
        for text in ('{"b":1,"a":2}', '{"a": 1}', '{"a":1,"a":1}', '{"a":1.5}', '{"a":-0}', '{"a":NaN}', '{"a":1e3}',
                     '{"a":9007199254740992}', '{"a":"\\u00e9"}', '{"a":"\\u001F"}', '{"a":"\\ud800"}', "[1]", "1", "{"):
            with self.assertRaises(Exception, msg=text):
                varve_rescue.parse(text.encode())

    def test_terminals(self) -> None:
        self.assertEqual(varve_rescue.shown(b"a\x1b[2J\xff\n"), "a\\x1b[2J\\xff\\n")


class FoldTests(unittest.TestCase):
    """The rules of the log's kinds, without signatures."""
    PACK, OTHER = f"packs/aa/aa{'0' * 62}", f"packs/bb/bb{'0' * 62}"
    EARLY, LATE = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"

    def setUp(self) -> None:
        config = {"authorKey": varve_rescue.base64.b64encode(bytes(32)).decode()}
        self.log = varve_rescue.Log(SimpleNamespace(config=config, config_digest="c"))
        self.index = 0
        self.id, self.partial = "1" * 64, "2" * 64
        self.fold("snapshot", snapshot=self.id, adds=[{"name": self.PACK, "size": 5}])
        self.fold("snapshot", role="writer", snapshot=self.partial, adds=[{"name": self.OTHER, "size": 6}], partial=True)

    def fold(self, kind: str, role: str = "owner", author: str = "a", time: str = EARLY, **members: object) -> None:
        self.index += 1
        statement = {"author": author, "time": time, **members}
        self.log.fold(kind, statement, SimpleNamespace(role=role), self.index)

    def refuses(self, kind: str, **members: object) -> None:
        with self.assertRaises(Exception):
            self.fold(kind, **members)

    def test_writers_forget_only_their_own_partial_snapshots(self) -> None:
        self.refuses("forget", role="writer", snapshots=[self.id])
        self.setUp()
        self.refuses("forget", role="writer", author="b", snapshots=[self.partial])
        self.setUp()
        self.fold("forget", role="writer", snapshots=[self.partial])
        self.assertTrue(self.log.snapshots[self.partial].forgotten)

    def test_holds(self) -> None:
        self.fold("hold", snapshots=[self.id], until="2026-01-15T00:00:00Z")
        self.fold("hold", snapshots=[self.id], until="2026-01-10T00:00:00Z")
        self.refuses("forget", snapshots=[self.id], time="2026-01-14T00:00:00Z")
        self.setUp()
        self.fold("hold", snapshots=[self.id], until="2026-01-15T00:00:00Z")
        self.fold("forget", snapshots=[self.id], time=self.LATE)
        self.setUp()
        self.fold("hold", snapshots=[self.id])
        self.refuses("forget", snapshots=[self.id], time=self.LATE)
        self.setUp()
        self.fold("hold", snapshots=[self.id])
        self.fold("release", snapshots=[self.id])
        self.fold("forget", snapshots=[self.id])
        self.setUp()
        self.fold("hold", snapshots=[self.id], permanent=True)
        self.refuses("release", snapshots=[self.id])

    def test_condemned_swept_and_brought_back(self) -> None:
        objects = [{"name": self.PACK, "size": 5}]
        self.fold("forget", snapshots=[self.id])
        self.fold("condemn", objects=objects)
        condemned = self.index
        self.assertIn(self.PACK, self.log.gone())
        self.assertNotIn(self.PACK, self.log.swept)
        self.fold("undo", snapshots=[self.id], condemned=[condemned])
        self.assertNotIn(self.PACK, self.log.gone())
        self.assertFalse(self.log.snapshots[self.id].forgotten)
        self.refuses("sweep", condemned=[condemned])
        self.fold("condemn", objects=objects)
        self.fold("sweep", condemned=[self.index])
        self.assertIn(self.PACK, self.log.swept)
        self.assertIn(self.PACK, self.log.gone())
        self.refuses("undo", snapshots=[], condemned=[self.index - 1])

    def test_a_snapshot_whose_record_is_condemned_stays_forgotten(self) -> None:
        self.fold("forget", snapshots=[self.id])
        self.fold("condemn", objects=[{"name": f"snapshots/{self.id}", "size": 9}])
        self.refuses("undo", snapshots=[self.id], condemned=[])

    def test_what_must_stay_is_not_condemned(self) -> None:
        for name in (f"snapshots/{self.id}", f"keys/{'0' * 64}", f"inventories/{'0' * 64}"):
            self.refuses("condemn", objects=[{"name": name, "size": 1}])

    def test_lost_and_repacked(self) -> None:
        self.fold("lost", objects=[{"name": self.PACK, "size": 5}])
        self.assertNotIn(self.PACK, self.log.objects)
        self.fold("repack", adds=[{"name": self.PACK, "size": 5}])
        self.assertEqual(self.log.objects[self.PACK], 5)

    def test_receipts_change_nothing(self) -> None:
        self.fold("receipt", activity="restore", result="ok", snapshots=[self.id, "0" * 64])
        self.assertFalse(self.log.snapshots[self.id].forgotten)
        self.fold("forget", snapshots=[self.id])
        self.fold("receipt", activity="copy", result="ok", snapshots=[self.id])
        self.assertTrue(self.log.snapshots[self.id].forgotten)

    def test_only_what_is_held_is_released(self) -> None:
        self.refuses("release", snapshots=[self.id])


class BinaryTests(TemporaryTest):
    def varve(self, *arguments: object, **variables: str) -> str:
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.work), "TZ": "UTC", "XDG_CACHE_HOME": f"{self.work}/cache",
                       "XDG_STATE_HOME": f"{self.work}/state", "VARVE_REPOSITORY": f"{self.work}/repository",
                       "VARVE_PASSWORD_FILE": f"{self.work}/password"} | variables
        result = subprocess.run([VARVE, *arguments], env=environment, capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def setUp(self) -> None:
        super().setUp()
        self.assertTrue(VARVE.exists(), f"there is no {VARVE}: build it, or set VARVE")
        (self.work / "password").write_text("secret\n")
        self.secret = ["--password-file", self.work / "password", self.work / "repository"]

    def make_tree(self, source: Path) -> None:
        generator = random.Random(6)
        for folder in ("a", "a.b", "empty", "many"):
            (source / folder).mkdir(parents=True)
        for byte in range(1, 256):
            if byte != 47:
                open(os.path.join(os.fsencode(source), b"a", bytes([byte, 120])), "wb").close()
        for number in range(3000):  # more than 256 KiB of entries: written as parts
            (source / "many" / f"{number:04} {'long name ' * 9}").write_bytes(b"%d" % number)
        (source / "large").write_bytes(generator.randbytes(3_000_000))  # a chunk list
        with open(source / "sparse", "wb") as file:
            for at in (0, 1 << 20, 5 << 20):
                file.seek(at)
                file.write(generator.randbytes(70_000))
            file.truncate(9 << 20)
        with open(source / "hole", "wb") as file:
            file.truncate(1 << 20)
        os.link(source / "large", source / "a.b" / "linked")
        os.link(source / "large", source / "a" / "linked")
        os.symlink(b"../\xff nowhere", os.fsencode(source / "a.b" / "link"))
        os.link(source / "a.b" / "link", source / "a.b" / "link again", follow_symlinks=False)
        os.mkfifo(source / "fifo")
        if os.geteuid() == 0:
            with contextlib.suppress(PermissionError):  # not in every container
                os.mknod(source / "device", 0o600 | 0o020000, os.makedev(1, 3))
            os.chown(source / "hole", 1234, 5678)
        os.setxattr(source / "large", b"user.empty", b"")
        os.setxattr(source / "many", b"user.bytes", bytes(range(256)))
        os.chmod(source / "large", 0o4751)
        os.chmod(source / "empty", 0o1700)
        here = os.getcwd()
        os.chdir(source)
        for _ in range(30):  # a path longer than PATH_MAX
            os.mkdir("d" * 200)
            os.chdir("d" * 200)
        Path("file").write_text("deep")
        os.chdir(here)
        os.utime(source / "a", ns=(1, -1_500_000_001))

    def test_a_new_repository(self) -> None:
        source, expected, found = (self.work / name for name in ("source", "expected", "found"))
        self.make_tree(source)
        self.varve("init", "--chunker-min", "4K", "--chunker-target", "4K", "--chunker-max", "64K")
        self.varve("key", "export", self.work / "recovery")
        for role in ("reader", "writer"):
            self.varve("key", "add", "--new-key-file", self.work / role, "--role", role)
        self.varve("backup", source, "--as-path", "/source", "--chunk-size", "8K")
        self.varve("restore", "latest", "--target", expected)
        for options in (self.secret, ["--key-file", self.work / "reader", self.work / "repository"],
                        ["--key-file", self.work / "recovery", "--without-index", self.work / "repository"]):
            status, _, errors = rescue(*options, "restore", "all", found)
            self.assertEqual((status, errors), (0, ""))
            [restored] = found.iterdir()
            self.assertEqual(describe(restored), describe(expected))
            subprocess.run(["rm", "-rf", found], check=True)
        status, output, errors = rescue("--key-file", self.work / "writer", self.work / "repository", "list")
        self.assertEqual(status, 1)
        self.assertIn("6 entries verified", output)  # the last is the receipt of the restore
        self.assertIn("a writer's key", errors)

    def test_a_repaired_repository(self) -> None:
        source, repository = self.work / "source", self.work / "repository"

        def largest() -> Path:
            return max(repository.glob("packs/*/*"), key=lambda path: path.stat().st_size)

        def restored() -> list[str]:
            self.assertEqual(rescue(*self.secret, "verify")[::2], (0, ""))
            self.assertEqual(rescue(*self.secret, "restore", "all", self.work / "found")[::2], (0, ""))
            trees = [describe(path / str(source)[1:]) for path in (self.work / "found").iterdir()]
            subprocess.run(["rm", "-rf", self.work / "found"], check=True)
            return sorted(trees)

        self.varve("init")
        source.mkdir()
        for number in range(9):
            (source / f"file{number}").write_bytes(random.Random(number).randbytes(300_000))
        self.varve("backup", source)
        expected = [describe(source)]
        (source / "new").write_bytes(b"new")
        self.varve("backup", source)
        expected = sorted([*expected, describe(source)])

        pack = largest()
        pack.write_bytes(pack.read_bytes()[:-1])
        self.varve("repair", "packs")
        self.assertEqual(restored(), expected)
        for segment in repository.glob("index/*"): segment.unlink()
        self.varve("repair", "index")
        self.assertEqual(restored(), expected)
        pack = largest()
        pack.write_bytes(pack.read_bytes()[:1000])
        self.varve("repair", "index")
        self.varve("backup", source, "--skip-if-unchanged")
        self.assertEqual(sorted(set(restored())), expected)
        largest().unlink()
        self.varve("repair", "index")
        self.varve("repair", "snapshots", "--mark", "--forget")
        self.assertTrue(all(".unreadable" in tree for tree in restored()))

    def test_a_long_log(self) -> None:
        if os.access("/dev/shm", os.W_OK):  # 256 backups sync much, and nothing here depends on that
            self.work = Path(tempfile.mkdtemp(prefix="varve-rescue-", dir="/dev/shm"))
            self.addCleanup(shutil.rmtree, self.work)
            (self.work / "password").write_text("secret\n")
            self.secret = ["--password-file", self.work / "password", self.work / "repository"]
        (self.work / "file").write_text("content")
        self.varve("init")
        self.varve("key", "add", "--new-key-file", self.work / "key")
        for _ in range(256):
            self.varve("backup", self.work / "file", VARVE_PASSWORD_FILE="", VARVE_KEY_FILE=f"{self.work}/key")
        tiles = sorted(path.relative_to(self.work / "repository/log/tile").as_posix()
                       for path in (self.work / "repository/log/tile").rglob("*") if path.is_file())
        self.assertEqual(tiles, ["0/000", "entries/000"])
        self.assertEqual(rescue(*self.secret, "verify")[0], 0)
        for name in tiles:
            path = self.work / "repository/log/tile" / name
            content = path.read_bytes()
            path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
            status, _, errors = rescue(*self.secret, "list")
            self.assertEqual(status, 1)
            self.assertIn(name, errors)
            path.write_bytes(content)


if __name__ == "__main__":
    unittest.main()
