import ArgumentParser
import Varve
import VarveOperations

/// Which snapshots are meant where none is named, and among which `latest` is looked for.
struct SnapshotFilterOptions: ParsableArguments {
  @Option(
    name: [.customShort("H"), .customLong("host")],
    help: ArgumentHelp("Only snapshots of this host; may be repeated.", valueName: "host"))
  var hosts: [String] = []

  @OptionGroup var content: SnapshotContentOptions

  var isEmpty: Bool { hosts.isEmpty && content.isEmpty }

  /// - Throws: as `SnapshotContentOptions.filter`.
  func filter() throws -> SnapshotFilter { try content.filter(hosts: hosts) }
}

/// Which snapshots are meant, by what was saved and how it is tagged.
struct SnapshotContentOptions: ParsableArguments {
  @Option(
    name: .customLong("tag"),
    help: ArgumentHelp(
      "Only snapshots that have all of these tags, '' for those without tags; repeated, any of the lists will do.",
      valueName: "tag[,tag…]"))
  var tags: [String] = []

  @Option(
    name: .customLong("path"),
    help: ArgumentHelp(
      "Only snapshots of this path, as given to 'varve backup'; repeated, of all of them.",
      valueName: "path"))
  var paths: [RawArgument] = []

  var isEmpty: Bool { tags.isEmpty && paths.isEmpty }

  /// - Throws: `.usage` for an empty path, `.io` when a path is relative and the working directory is not known.
  func filter(hosts: [String]) throws -> SnapshotFilter {
    try SnapshotFilter(
      hosts: hosts.map(RawArgument.bytes), tagLists: tags.map(TagList.parseAll),
      backingUp: paths.map(\.bytes))
  }
}

extension Console {
  /// Filters that let nothing through may be mistyped.
  func warnThatNothingMatches() {
    warning("no snapshot matches the host, tags and paths given")
  }
}

/// Comma-separated tags.
enum TagList {
  static func parse(_ text: String) -> [String] { parseAll(text).filter { !$0.isEmpty } }

  /// With empty tags, which stand for snapshots without tags: an empty text is one of them.
  static func parseAll(_ text: String) -> [String] {
    text.split(separator: ",", omittingEmptySubsequences: false).map { tag in
      String(tag.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
  }
}
