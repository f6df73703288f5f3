import ArgumentParser

/// Which snapshots are meant where none is named, and among which `latest` is looked for.
struct SnapshotFilterOptions: ParsableArguments {
  @Option(
    name: [.customShort("H"), .customLong("host")],
    help: ArgumentHelp("Only snapshots of this host; may be repeated.", valueName: "host"))
  var hosts: [String] = []

  @Option(
    name: .customLong("tag"),
    help: ArgumentHelp(
      "Only snapshots that have all of these tags; repeated, any of the lists will do.",
      valueName: "tag[,tag…]"))
  var tags: [String] = []

  @Option(
    name: .customLong("path"),
    help: ArgumentHelp(
      "Only snapshots of this (absolute) path; repeated, of all of them.", valueName: "path"))
  var paths: [RawArgument] = []

  /// Alternatives; a snapshot must have every tag of one of them.
  var tagLists: [[String]] { tags.map(TagList.parseAll) }
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
