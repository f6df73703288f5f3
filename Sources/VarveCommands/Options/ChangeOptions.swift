import ArgumentParser
import Varve

/// How a backup finds out what has changed.
struct ChangeOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Compare with this snapshot (default: the newest of this host and these paths, and what an interrupted backup has saved since).",
      valueName: "snapshot"))
  var parent: String?

  @Flag(name: [.customShort("f"), .long], help: "Compare with none: read every file.")
  var force = false

  @Flag(help: "A file with a new inode number may still be unchanged.")
  var ignoreInode = false

  @Flag(help: "A file with a new ctime may still be unchanged.")
  var ignoreCtime = false

  @Flag(help: "Save no snapshot when nothing differs from the parent.")
  var skipIfUnchanged = false

  mutating func validate() throws {
    if force && parent != nil { throw ValidationError("--force and --parent exclude each other.") }
  }

  func apply(to options: inout BackupOptions) {
    options.parent = force ? .none : parent.map { .selector($0) } ?? .automatic
    options.ignoreInode = ignoreInode
    options.ignoreCtime = ignoreCtime
    options.skipIfUnchanged = skipIfUnchanged
  }
}
