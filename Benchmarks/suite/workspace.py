"""The directory in which everything happens, and which is gone afterwards."""

import os
import shutil
import subprocess
import sys
import tempfile

from running import Failure, output, run, say

TOP = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
WALKER = os.path.join(TOP, "fixtures", "walker", "walk.py")
RESERVE = 1 << 30


class Workspace:
    """A new directory below `parent`; as a context manager it is removed with all that it holds."""

    def __init__(self, parent):
        self.parent = parent

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="varve-benchmarks-", dir=self.parent)
        return self

    def __exit__(self, *exception):
        self.remove(self.path)

    def directory(self, name):
        path = os.path.join(self.path, name)
        os.makedirs(path)
        return path

    def join(self, *names):
        return os.path.join(self.path, *names)

    def remove(self, path):
        # rm takes a third of the time of shutil.rmtree on millions of files. A second Ctrl-C must not stop it.
        assert os.path.realpath(path).startswith(os.path.realpath(self.path))
        subprocess.run(["rm", "-rf", "--", path], start_new_session=True, check=False)

    def require(self, what, size, files=0):
        reason = shortage(self.path, size, files)
        if reason:
            raise Failure("%s: %s has too little room: %s" % (what, self.parent, reason))

    def warm(self, size):
        """Has used as much memory as a step will write, and freed it, so that no program is the first to.

        A virtual machine gets fresh pages from its host at a fraction of the speed of used ones: without
        this, whoever comes first pays for all.
        """
        if not is_memory(self.path):
            return
        path = self.join("warm")
        size = max(0, min(size, available_memory() - RESERVE))
        run(["dd", "if=/dev/zero", "of=" + path, "bs=1M", "count=%d" % (size >> 20)])
        os.unlink(path)

    def or_on(self, disk, what, size, files):
        """A workspace with room for something: one here or, where there is none, one on a disk."""
        reason = shortage(self.path, size, files)
        if reason is None:
            return Workspace(self.path)
        say("%s goes to %s, for in %s %s" % (what, disk, self.parent, reason))
        elsewhere = shortage(disk, size, files)
        if elsewhere:
            raise Failure("%s: %s has too little room, too: %s" % (what, disk, elsewhere))
        return Workspace(disk)


def is_memory(path):
    return filesystem(path) in ("tmpfs", "ramfs")


def filesystem(path):
    return output(["df", "--output=fstype", path]).split()[-1]


def shortage(path, size, files=0):
    """Why a file system cannot take this many bytes and files, with a reserve for the programs; or nothing."""
    status = os.statvfs(path)
    room = status.f_bavail * status.f_frsize
    if is_memory(path):
        # tmpfs promises more than there is; an inode takes 1 KiB beside the pages.
        room = min(room, available_memory() - RESERVE)
        size += files << 10
    if room < size:
        return "%.1f GiB are needed, %.1f GiB are there" % (size / 2**30, max(0, room) / 2**30)
    if status.f_files and status.f_favail < files:
        return "%d files are needed, %d may be made" % (files, status.f_favail)
    return None


def available_memory():
    with open("/proc/meminfo") as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    return 0


def generate(name, *arguments):
    """Runs a generator of fixtures/generate and gives what it prints."""
    return output([sys.executable, os.path.join(TOP, "fixtures", "generate", name), *map(str, arguments)])


def stored_bytes(directory):
    total = 0
    for base, _, names in os.walk(directory):
        for name in names:
            try:
                total += os.lstat(os.path.join(base, name)).st_size
            except FileNotFoundError:
                pass
    return total


def copy_tree(paths, target):
    """Copies absolute paths below target, under their own names, and gives the paths of the copies."""
    # From the root: --parents looks for the parents of absolute paths below the current directory.
    run(["cp", "-a", "--parents", *paths, target], directory="/")
    return [target + path for path in paths]


def read_through(paths):
    """Reads everything once, so that no program is the first to bring it into memory."""
    for path in paths:
        run(["find", path, "-type", "f", "-exec", "cat", "{}", "+"])


def count(paths):
    """Regular files and their bytes."""
    files = size = 0
    for line in output(["find", *paths, "-type", "f", "-printf", "%s\n"]).split():
        files += 1
        size += int(line)
    return files, size


def differences(source, restored):
    """How many entries of a restored tree differ from its source in any field, by the independent walker."""
    done = subprocess.run([sys.executable, WALKER, "compare", source, restored, "--limit", "3"],
                          capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise Failure("the walker failed: " + done.stderr[-1000:])
    if done.returncode:
        say(done.stdout.strip())
    return int(done.stdout.splitlines()[-1].split()[2])


def on_path(name):
    """The program of this name, looked for in $PEERS_DIR/bin first."""
    peers = os.environ.get("PEERS_DIR")
    if peers and os.access(os.path.join(peers, "bin", name), os.X_OK):
        return os.path.abspath(os.path.join(peers, "bin", name))
    return shutil.which(name)
