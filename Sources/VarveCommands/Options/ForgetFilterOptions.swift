import ArgumentParser
import Varve

/// Which snapshots `forget` looks at. As SnapshotFilterOptions, but that -H is --keep-hourly here, as in restic.
struct ForgetFilterOptions: ParsableArguments {
  @Option(
    name: .customLong("host"),
    help: ArgumentHelp("Only snapshots of this host; may be repeated.", valueName: "host"))
  var hosts: [String] = []

  @OptionGroup var content: SnapshotContentOptions

  var isEmpty: Bool { hosts.isEmpty && content.isEmpty }

  /// - Throws: as `SnapshotContentOptions.filter`.
  func filter() throws -> SnapshotFilter { try content.filter(hosts: hosts) }
}
