import ArgumentParser

/// `varve proof …`: evidence about single files, for people without a key.
struct ProofCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "proof",
    abstract: "Show to anybody that a file is in a snapshot, and nothing else.",
    discussion: """
      A proof leads from a file's size and SHA-256 through hashes of directories to the snapshot's entry in \
      the signed log. Whoever has the log's verifier key ('varve cat config') can verify it, with varve-verify or \
      by hand (docs/proofs.md), without the repository and without a password.

      Examples:
        varve proof create latest /srv/contract.pdf -o contract.proof
        varve proof verify contract.proof --file contract.pdf --key log.vkey
      """,
    subcommands: [ProofCreateCommand.self, ProofVerifyCommand.self, ProofFetchCommand.self])
}
