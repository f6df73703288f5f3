import Foundation
import Glibc
import Testing
import VarveTestThreads

/// What a staged restore has to find out before it moves anything, and what gets in the way of moving.
@Suite(.onOwnThreads) struct StagedRestoreGuardTests {
  private func prepare(_ make: (Workspace) throws -> Void) throws -> Workspace {
    let here = try Workspace()
    try make(here)
    try here.initializeWithKeyFile()
    try here.backup()
    return here
  }

  private func restore(_ here: Workspace, _ options: String...) throws -> Outcome {
    try here.varve(
      ["restore", "latest:\(here.source)", "--target", here.source, "--tag", ""] + options)
  }

  private func staging(_ directory: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory).filter {
      $0.hasPrefix(".varve-")
    }
  }

  private func text(_ here: Workspace, _ name: String) throws -> String {
    String(decoding: try here.read(here.source + "/" + name), as: UTF8.self)
  }

  // MARK: Room and mounts

  @Test(.enabled(if: Mounting.isPossible, "takes root, and a kernel that lets it mount"))
  func aFullDiskChangesNothing() throws {
    var generator = SeededGenerator(seed: 3)
    let here = try prepare { here in
      for (name, size) in [("a", 1_000), ("b", 3 << 20), ("c", 2 << 20), ("z", 1_000)] {
        try here.write(generator.bytes(size), to: here.source + "/" + name)
      }
    }
    for name in ["a", "b", "c/keepme", "z"] {
      try here.write("old", to: here.root + "/before/" + name)
    }
    for options in ["--delete", "--keep-existing", ""] {
      try here.remove(here.root + "/after")
      let outcome = try here.runMounting(
        """
        mkdir -p $target $root/after && mount -t tmpfs -o size=4m tmpfs $target || exit 99
        cp -a $root/before/. $target || exit 99
        $varve restore latest:$source --target $target --atomic \(options)
        code=$?
        cp -a $target/. $root/after || exit 99
        exit $code
        """)
      #expect(outcome.code == 1, "\(options): \(outcome.code) \(outcome.errors)")
      #expect(outcome.errors.contains("nothing was changed"), "\(options): \(outcome.errors)")
      try here.expectEqual(here.root + "/before", here.root + "/after", "--skip-root")
    }
  }

  @Test(.enabled(if: Mounting.isPossible, "takes root, and a kernel that lets it mount"))
  func aPlaceOnAnotherFileSystemIsRefusedBeforeAnythingIsMoved() throws {
    let here = try prepare { here in
      for name in ["a", "m/f", "z"] { try here.write("past", to: here.source + "/" + name) }
    }
    for mount in ["mount -t tmpfs tmpfs $source/m", "mount --bind $root/elsewhere $source/m"] {
      try here.write("now", to: here.source + "/a")
      let outcome = try here.runMounting(
        """
        mkdir -p $root/elsewhere && \(mount) || exit 99
        echo old >$source/m/f
        $varve restore latest:$source --target $source --atomic --tag ''
        code=$?
        cat $source/a $source/m/f
        ls -A $source | grep varve
        exit $code
        """)
      #expect(outcome.code == 1, "\(outcome.errors)")
      #expect(outcome.errors.contains("another file system"), "\(outcome.errors)")
      #expect(outcome.errors.contains("nothing was changed"), "\(outcome.errors)")
      #expect(outcome.text == "nowold\n")
    }
  }

  /// The snapshot has what is mounted as empty directories, or not at all.
  @Test(.enabled(if: Mounting.isPossible, "takes root, and a kernel that lets it mount"))
  func whatIsMountedInTheTargetIsNotEmptied() throws {
    let here = try prepare { here in
      try here.write("past", to: here.source + "/file")
      for name in ["uploads", "bound"] { mkdir(here.source + "/" + name, 0o755) }
    }
    for options in ["--delete", "--delete --atomic --exclude /usb --exclude /extra/m"] {
      let outcome = try here.runMounting(
        """
        mkdir -p $source/usb $source/extra/m $root/elsewhere/below
        for place in usb uploads extra/m; do
          mount -t tmpfs tmpfs $source/$place && echo mine >$source/$place/file || exit 99
        done
        echo mine >$root/elsewhere/below/file
        mount --bind $root/elsewhere $source/bound || exit 99
        echo gone >$source/beside; echo gone >$source/extra/file
        $varve restore latest:$source --target $source --dry-run --tag '' \(options) >$root/said 2>&1
        grep -q uploads $root/said || exit 98
        $varve restore latest:$source --target $source --tag '' \(options) >&2
        code=$?
        cat $source/usb/file $source/uploads/file $source/extra/m/file $source/bound/below/file
        ls -A $source $source/extra
        exit $code
        """)
      let isStaged = options.contains("--atomic")
      #expect(outcome.code == (isStaged ? 0 : 1), "\(outcome.code) \(outcome.errors)")
      #expect(outcome.text.hasPrefix("mine\nmine\nmine\nmine\n"), "\(outcome.text)")
      #expect(!outcome.text.contains("beside"), "\(outcome.text)")
      #expect(outcome.text.components(separatedBy: "file\n").count == 2, "\(outcome.text)")
      for name in ["uploads", "bound"] {
        #expect(outcome.errors.contains("\(name) is a mount point"), "\(outcome.errors)")
      }
      if !isStaged {
        for name in ["usb", "extra/m"] {
          #expect(outcome.errors.contains("\(name): something is mounted"), "\(outcome.errors)")
        }
      }
    }
  }

  // MARK: What is closed

  @Test(.enabled(if: Tools.isRoot)) func immutableFilesAndDirectoriesAreSwitched() throws {
    let here = try Workspace()
    let places = ["f", "fixed/inside", "fixed/gone", "fixed"].map { here.source + "/" + $0 }
    for place in places.dropLast() { try here.write("past", to: place) }
    guard try here.run(["chattr", "+i"] + places).code == 0 else { return }
    defer { _ = try? here.run(["chattr", "-R", "-i", here.source]) }
    try here.initializeWithKeyFile()
    try here.backup()
    func isFixed(_ place: String) throws -> Bool {
      try here.run(["lsattr", "-d", place]).text.prefix { $0 != " " }.contains("i")
    }
    for options in [["--safety"], ["--atomic"], ["--keep-existing", "--safety"]] {
      _ = try here.run(["chattr", "-i"] + places)
      for place in places[..<2] { try here.write("now", to: place) }
      unlink(places[2])
      _ = try here.run(["chattr", "+i"] + [places[0], places[1], places[3]])
      let outcome = try here.varve(
        ["restore", "latest:\(here.source)", "--target", here.source, "--tag", "", "--json"]
          + options)
      try #require(outcome.code == 0, "\(options): \(outcome.errors)")
      for place in places.dropLast() {
        #expect(try here.read(place) == Array("past".utf8), "\(place)")
      }
      for place in places { #expect(try isFixed(place), "\(options): \(place)") }
      #expect(try staging(here.source).isEmpty)
      guard let id = try outcome.documents().last?["safety_snapshot"].string else { continue }
      try here.succeed("restore", "--undo", id)
      for place in places[..<2] {
        #expect(try here.read(place) == Array("now".utf8), "\(place)")
        #expect(try isFixed(place), "\(place)")
      }
      #expect(!here.exists(places[2]))
      #expect(try isFixed(places[3]))
    }
  }

  /// A user who is not root has directories that he may not write.
  @Test func closedDirectoriesAreSwitched() throws {
    let here = try Workspace()
    let closed = here.source + "/closed"
    for name in ["file", "new/deep"] { try here.write("past", to: closed + "/" + name) }
    chmod(closed + "/new", 0o555)
    chmod(closed, 0o555)
    if Tools.isRoot {
      chmod(here.root, 0o755)
      _ = try here.run(["chown", "-R", "65534:65534", here.root])
    }
    func asUser(_ arguments: String...) throws -> Outcome {
      let drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
      let outcome = try here.run((Tools.isRoot ? drop : []) + [Tools.varve] + arguments)
      try #require(outcome.code == 0, "\(arguments): \(outcome.errors)")
      return outcome
    }
    _ = try asUser("init", "--new-key-file", here.ownerKeyFile)
    here.environment["VARVE_PASSWORD_FILE"] = nil
    here.environment["VARVE_KEY_FILE"] = here.ownerKeyFile
    _ = try asUser("backup", here.source)
    for option in ["--atomic", "--safety"] {
      chmod(closed, 0o755)
      chmod(closed + "/new", 0o755)
      try here.write("now", to: closed + "/file")
      try here.remove(closed + "/new")
      chmod(closed, 0o555)
      let outcome = try asUser(
        "restore", "latest:\(here.source)", "--target", here.source, "--tag", "", "--json", option)
      #expect(try text(here, "closed/file") == "past")
      #expect(try text(here, "closed/new/deep") == "past")
      for place in [closed, closed + "/new"] {
        var status = stat()
        lstat(place, &status)
        #expect(status.st_mode & 0o7777 == 0o555, "\(option): \(place)")
      }
      #expect(try staging(here.source).isEmpty)
      guard let id = try outcome.documents().last?["safety_snapshot"].string else { continue }
      _ = try asUser("restore", "--undo", id)
      #expect(try text(here, "closed/file") == "now")
      #expect(!here.exists(closed + "/new"))
    }
  }

  // MARK: What else is a difference

  @Test func attributesAloneAreSavedAndComeBack() throws {
    let here = try Workspace()
    let file = here.source + "/file"
    try here.write("same", to: file)
    guard try here.run(["setfattr", "-n", "user.x", "-v", "1", file]).code == 0 else { return }
    try here.initializeWithKeyFile()
    try here.backup()
    _ = try here.run(["setfattr", "-n", "user.x", "-v", "2", file])
    let hasList = try here.run(["setfacl", "-m", "u:65533:---", file]).code == 0
    func attributes() throws -> String {
      try here.run(["getfattr", "--absolute-names", "-d", "-m", "-", "-e", "hex", file]).text
    }
    let before = try attributes()
    #expect(before.contains("posix_acl_access") == hasList)
    for options in [["--dry-run"], ["--dry-run", "--safety"]] {
      let dry = try here.varve(
        ["restore", "latest:\(here.source)", "--target", here.source, "--json"] + options)
      #expect(try dry.documents().last?["files_restored"].number == 1, "\(dry.errors)")
    }
    #expect(try attributes() == before)
    let outcome = try restore(here, "--safety", "--json")
    let id = try #require(
      outcome.documents().last?["safety_snapshot"].string, "\(outcome.text)\(outcome.errors)")
    #expect(try attributes().contains("user.x=0x31\n"))
    #expect(try !attributes().contains("posix_acl_access"))
    try here.succeed("restore", "--undo", id)
    #expect(try attributes() == before)
  }
}
