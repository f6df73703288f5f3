"""The programs under measurement: for each step the command that takes it.

Each has a directory of its own with its repository, caches and password. Encryption is on wherever there is
any; compression is what each calls its automatic or usual one: Varve's and restic's `auto`, borg's `zstd,3`,
and `zstd -3 -T2`. Everything else is each program's default. A restored tree lies under its whole path.
"""

import json
import os
import re
import shlex

from running import Failure, first_line, output, run
from workspace import on_path, stored_bytes

SHELL = ["bash", "-o", "pipefail", "-c"]
LISTING = "find \"$@\" -printf '%s %T@ %i\\n' >/dev/null"


class Program:
    """A program with a repository; what a step is not defined for is left out."""

    name = ""
    file = ""
    version = ["--version"]
    deduplicates = False
    # What was run since it was last emptied, by the program's name; the values are ordered sets.
    commands = {}

    def __init__(self, path):
        self.path = path
        self.home = self.location = None
        self.service = {}

    @classmethod
    def found(cls):
        path = on_path(cls.file)
        return cls(path) if path else None

    def described(self):
        return first_line([self.path, *self.version])

    def open(self, workspace, location=None, service=None):
        """An empty repository in a new directory, or at a location of a service that these variables give access to."""
        self.workspace = workspace
        self.home = workspace.directory(self.name.replace(" ", "-").replace("|", "to"))
        self.location, self.service = location or self.home + "/repository", service or {}
        with open(self.home + "/password", "w") as file:
            file.write("benchmark\n")
        for command in self.initialise():
            self.cost(command)

    def close(self):
        self.workspace.remove(self.home)
        self.home = None

    def variables(self, extra=None):
        own = {"PATH": os.environ["PATH"], "HOME": self.home, "LC_ALL": "C.UTF-8", "TMPDIR": self.home}
        return own | self.service | (self.environment() if extra is None else extra)

    def cost(self, command, extra=None):
        environment = self.variables(extra)
        self.commands.setdefault(self.name, {})[self.shown(command)] = None
        command = [self.path if command[0] == self.file else command[0], *command[1:]]
        return run(command, environment, self.home, log=self.home + "/log")

    def shown(self, command):
        """The command as it could be typed in the program's directory, beside the source."""
        text = shlex.join(self.file if word == self.path else word for word in command)
        text = text.replace(self.home + "/", "").replace(self.workspace.path + "/", "../")
        return re.sub("( [0-9a-f]{64})+", " ID…", re.sub("archive-[0-9]+", "archive-N", text))

    def stored(self):
        return stored_bytes(self.home + "/repository")

    def forget_locally(self):
        """What another machine does not have: everything beside the repository, but for password and keys."""
        for name in ("cache", "state"):
            self.workspace.remove(self.home + "/" + name)

    def environment(self):
        return {}

    def initialise(self):
        return [["mkdir", "repository"]]

    def backup(self, paths):
        return None

    def unchanged(self, paths):
        return self.backup(paths)

    def restore(self):
        return None

    def check(self):
        return None

    def snapshots(self):
        """The ids of all snapshots, the oldest first."""
        found = json.loads(output([self.path, "snapshots", "--json"], self.home, self.variables()))
        return [one["id"] for one in sorted(found, key=lambda one: one["time"])]


class Varve(Program):
    name = file = "varve"
    version = ["version"]
    deduplicates = True
    chunker = ()

    def environment(self, key_file=True):
        unlock = ({"VARVE_KEY_FILE": self.home + "/key"} if key_file
                  else {"VARVE_PASSWORD_FILE": self.home + "/password"})
        return unlock | {"VARVE_REPOSITORY": self.location, "XDG_CACHE_HOME": self.home + "/cache",
                         "XDG_STATE_HOME": self.home + "/state"}

    def initialise(self):
        return [["varve", "init", "-q", *self.chunker, "--password-file", "password", "--new-key-file", "key"]]

    def backup(self, paths):
        return ["varve", "backup", "-q", *paths]

    def restore(self):
        return ["varve", "restore", "-q", "latest", "--target", "restored"]

    def check(self):
        return ["varve", "check", "-q", "--read-data"]

    def forget(self, snapshots):
        return ["varve", "forget", "-q", *snapshots]

    def prune(self):
        return ["varve", "prune", "-q", "--now"]

    def offers(self, command, option):
        return option in output([self.path, *command, "--help"])


class Restic(Program):
    name = file = "restic"
    version = ["version"]
    deduplicates = True

    def environment(self):
        return {"RESTIC_REPOSITORY": self.location, "RESTIC_PASSWORD_FILE": self.home + "/password",
                "RESTIC_CACHE_DIR": self.home + "/cache"}

    def initialise(self):
        return [["restic", "init", "-q"]]

    def backup(self, paths):
        return ["restic", "backup", "-q", "--compression", "auto", *paths]

    def restore(self):
        return ["restic", "restore", "-q", "latest", "--target", "restored"]

    def check(self):
        return ["restic", "check", "-q", "--read-data"]

    def forget(self, snapshots):
        return ["restic", "forget", "-q", *snapshots]

    def prune(self):
        return ["restic", "prune", "-q"]


class Borg(Program):
    name = file = "borg"
    deduplicates = True
    archives = 0

    def environment(self):
        return {"BORG_REPO": self.home + "/repository", "BORG_PASSPHRASE": "benchmark",
                "BORG_BASE_DIR": self.home + "/cache"}

    def initialise(self):
        self.archives = 0
        return [["borg", "init", "--encryption", "repokey"]]

    def backup(self, paths):
        self.archives += 1
        return ["borg", "create", "--compression", "zstd,3", "::archive-%d" % self.archives, *paths]

    def restore(self):
        return [*SHELL, 'mkdir restored && cd restored && "$0" extract ::archive-%d' % self.archives, self.path]

    def check(self):
        return ["borg", "check", "--verify-data"]


class TarZstd(Program):
    name = "tar | zstd"
    file = "zstd"

    def described(self):
        return first_line(["tar", "--version"]) + "; " + super().described()

    def backup(self, paths):
        return [*SHELL, 'tar -cf - "$@" 2>/dev/null | zstd -3 -T2 -q -f -o repository/archive.tar.zst', "-", *paths]

    def unchanged(self, paths):
        return None

    def restore(self):
        return [*SHELL, "mkdir restored && zstd -dcq repository/archive.tar.zst | tar -xpf - -C restored"]

    def check(self):
        return ["zstd", "-tq", "repository/archive.tar.zst"]


class Copy(Program):
    """Copies the source, for first backup and for restore alike; unchanged trees are only listed."""

    name = "cp -a"
    file = "cp"

    def backup(self, paths):
        return [*SHELL, 'here=$PWD && cd / && cp -a --parents "$@" "$here/repository"', "-", *paths]

    def unchanged(self, paths):
        return [*SHELL, LISTING, "-", *paths]


PEERS = (Restic, Borg, TarZstd, Copy)


def chosen(binary, names):
    """Varve and those of its peers that are installed and wanted; says which are missing."""
    present, missing = [Varve(binary)], []
    for peer in PEERS:
        if names and peer.name not in names:
            continue
        program = peer.found()
        present.append(program) if program else missing.append(peer.name)
    if not os.access(binary, os.X_OK):
        raise Failure("%s is not there; build it first" % binary)
    return present, missing
