import ArgumentParser

/// `varve witness …`: cosignatures, by which nobody can be shown another log than everybody else.
struct WitnessCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "witness",
    abstract: "Have the log cosigned by witnesses, or be one.",
    discussion: """
      A witness remembers the newest head of each log it knows and cosigns only what continues it. Whoever \
      requires fresh cosignatures (--witness-policy, --max-cosignature-age) cannot be shown an old or a \
      forked log, even on a new machine. Witnesses speak c2sp.org/tlog-witness; they see \
      sizes and hashes, no entries.

      Examples:
        varve witness init /srv/witness --name witness.example/w1 --log "$LOG_KEY"
        varve witness serve /srv/witness --listen 127.0.0.1:8080
        varve witness cosign --witness-policy policy.txt
        varve snapshots --witness-policy policy.txt --max-cosignature-age 36h
      """,
    subcommands: [
      WitnessInitCommand.self, WitnessServeCommand.self, WitnessCosignCommand.self,
    ])
}
