import ArgumentParser

/// `varve policy …`: which snapshots are kept.
struct PolicyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy",
    abstract: "Set, show, list and remove the policies that say which snapshots are kept.",
    discussion: """
      A policy is kept in the repository, for one source (a host and the paths that are backed up \
      together) or for every source that has none of its own. 'varve forget' without rules applies it, and \
      what it keeps is not forgotten by other rules or by id. Everybody who reads the log sees the numbers, \
      but neither hosts, paths nor tags.

      An owner may change a policy; a writer may tighten one: keep at least as much by each rule. Without \
      a policy everything is kept, so that the first one takes an owner.

      Examples:
        varve policy set --default --keep-daily 7 --keep-weekly 5 --keep-monthly 12
        varve policy set /var/audit --keep-within 1y
        varve policy show /var/audit
        varve policy list
        varve policy remove /var/audit
      """,
    subcommands: [
      PolicySetCommand.self, PolicyShowCommand.self, PolicyListCommand.self,
      PolicyRemoveCommand.self,
    ])
}
