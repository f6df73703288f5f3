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

  var filter: SnapshotFilter { content.filter(hosts: hosts) }
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
      "Only snapshots of this (absolute) path; repeated, of all of them.", valueName: "path"))
  var paths: [RawArgument] = []

  func filter(hosts: [String]) -> SnapshotFilter {
    SnapshotFilter(
      hosts: hosts.map(RawArgument.bytes), tagLists: tags.map(TagList.parseAll),
      paths: paths.map(\.bytes))
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
