import ArgumentParser

/// `varve repair …`: what to do after `varve check` has found damage.
struct RepairCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "repair",
    abstract: "Save what can be saved after damage, and part with the rest.",
    discussion: """
      In this order:
        1. 'varve repair index' after objects went missing or 'varve check' found damage, 'varve repair \
      packs' after 'varve check --read-data' did. Whatever can still be read is kept, the index is made \
      right again, and the log says what is lost, so that no backup relies on it any more.
        2. 'varve backup' of the same sources stores again what is lost and still there: snapshots that \
      need it are then whole again.
        3. 'varve repair snapshots --forget' makes new snapshots of those that are not, without the files \
      that cannot be read.

      If there is a copy of the repository, put the objects back that 'varve check' names instead. Each \
      command needs an owner's credential, and backups may run at the same time.
      """,
    subcommands: [
      RepairIndexCommand.self, RepairPacksCommand.self, RepairSnapshotsCommand.self,
    ])
}
