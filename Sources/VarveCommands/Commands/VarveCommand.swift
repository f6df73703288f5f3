import ArgumentParser
import VarveFormat

/// The root of the command line.
struct VarveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "varve",
    abstract: "Encrypted, deduplicated backups whose whole history can be proved.",
    usage: "varve [-r <path>] <command> [<options>]",
    discussion: """
      A repository is a directory of encrypted objects and one signed, append-only log. Every \
      snapshot is a full one; only data that is not there yet is stored.

      First steps:
        export VARVE_REPOSITORY=/srv/backup VARVE_PASSWORD_FILE=~/.varve-password
        varve init
        varve backup ~/work --exclude '*.o'
        varve snapshots
        varve restore latest --target /tmp/restored
        varve check --read-data

      Global options may stand before or after the command. Exit codes: 0 done, 1 failed, 3 some \
      source files could not be read (the snapshot was saved without them), 10 no repository, \
      12 wrong password, 20 damaged or missing data, 21 backups are stale or failed (varve status), 22 the history was rolled back, is not \
      authorised or does not stand an audit, or a proof does not hold, 23 a drill failed, 64 wrong usage, \
      130 interrupted.
      """,
    version: ProgramVersion.program,
    groupedSubcommands: [
      CommandGroup(
        name: "Data",
        subcommands: [
          BackupCommand.self, RestoreCommand.self, DumpCommand.self, ImportCommand.self,
          CopyCommand.self,
          MirrorCommand.self,
        ]),
      CommandGroup(
        name: "Operations",
        subcommands: [
          RunCommand.self, ScheduleCommand.self, DaemonCommand.self, ConfigCommand.self,
        ]),
      CommandGroup(
        name: "Inspection",
        subcommands: [
          StatusCommand.self, SnapshotsCommand.self, LsCommand.self, FindCommand.self,
          DiffCommand.self, ManifestCommand.self,
          StatsCommand.self, CatCommand.self,
        ]),
      CommandGroup(
        name: "Repository",
        subcommands: [
          InitCommand.self, CheckCommand.self, RepairCommand.self, TagCommand.self,
          RewriteCommand.self, KeyCommand.self, ProposalCommand.self, LogCommand.self,
          WitnessCommand.self, AnchorCommand.self,
        ]),
      CommandGroup(
        name: "Evidence",
        subcommands: [
          AuditCommand.self, ProofCommand.self, ReceiptCommand.self, DrillCommand.self,
        ]),
      CommandGroup(
        name: "Retention",
        subcommands: [
          ForgetCommand.self, PruneCommand.self, PolicyCommand.self, HoldCommand.self,
          UndoCommand.self, RecoverCommand.self,
        ]),
      CommandGroup(
        name: "Server", subcommands: [ServeCommand.self, ServerTokenCommand.self]),
      CommandGroup(
        name: "Program", subcommands: [VersionCommand.self, CompletionCommand.self]),
    ])

  static var names: [String] {
    configuration.groupedSubcommands.flatMap(\.subcommands).map { $0._commandName }
  }
}
