import ArgumentParser
import Varve

/// Which snapshots `forget` looks at. As SnapshotFilterOptions, but that -H is --keep-hourly here, as in restic.
struct ForgetFilterOptions: ParsableArguments {
  @Option(
    name: .customLong("host"),
    help: ArgumentHelp("Only snapshots of this host; may be repeated.", valueName: "host"))
  var hosts: [String] = []

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

  var filter: SnapshotFilter {
    SnapshotFilter(
      hosts: hosts.map(RawArgument.bytes), tagLists: tags.map(TagList.parseAll),
      paths: paths.map(\.bytes))
  }
}
