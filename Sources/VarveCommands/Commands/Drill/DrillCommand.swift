import ArgumentParser

/// `varve drill …`: restores that are made to see that restores work.
struct DrillCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drill",
    abstract: "Restore in isolation, check what comes out, and prove it.",
    discussion: """
      A drill restores the newest snapshots of a profile into a private directory, does the checks that the \
      operator's file declares, measures recovery time and recovery point against their targets, and leaves a signed \
      receipt in the log, whether it passed or failed (docs/drills.md).

      Examples:
        varve drill run nightly
        varve drill run nightly monthly --output drill-2026-03 --note-file decision.md
        varve drill trend nightly
        varve drill show 5f0c2a
      """,
    subcommands: [
      DrillRunCommand.self, DrillListCommand.self, DrillShowCommand.self, DrillTrendCommand.self,
    ])
}
