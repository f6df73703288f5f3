import Testing
import VarveCommands

@Suite struct ArgumentNormaliserTests {
  @Test(arguments: [
    // Nothing to move.
    ("snapshots --json", "snapshots --json"),
    ("backup a -r /repo", "backup a -r /repo"),
    // Each spelling of an option with a value.
    ("-r /repo snapshots", "snapshots -r /repo"),
    ("-r/repo snapshots", "snapshots -r /repo"),
    ("--repo /repo snapshots", "snapshots --repo /repo"),
    ("--repo=/repo snapshots", "snapshots --repo=/repo"),
    // A value that looks like a verb or like an option.
    ("-r backup snapshots", "snapshots -r backup"),
    ("-p -x snapshots", "snapshots -p -x"),
    // Flags, also run together.
    ("-q --json ls latest", "ls -q --json latest"),
    ("-vv ls latest", "ls -v -v latest"),
    ("-qr /repo ls", "ls -q -r /repo"),
    ("-qr/repo ls", "ls -q -r /repo"),
    ("--verbose=2 ls", "ls --verbose --verbose"),
    ("ls --verbose=2", "ls --verbose --verbose"),
    // Verbs within verbs.
    ("-r /repo key list", "key list -r /repo"),
    ("key -r /repo add --role reader", "key add -r /repo --role reader"),
    ("--json key -r /repo list", "key list --json -r /repo"),
    ("-r /repo log verify", "log verify -r /repo"),
    ("--witness-policy p -r /repo witness cosign", "witness cosign --witness-policy p -r /repo"),
    ("--max-cosignature-age 1h snapshots", "snapshots --max-cosignature-age 1h"),
    // What is not a nested verb stays where the parser will refuse it.
    ("-r /repo key shout", "key shout"),
    ("-r /repo key", "key"),
    // Help without a verb, with unknown options, or for a verb.
    ("-r /repo --help", "--help"),
    ("--version", "--version"),
    ("-r /repo help backup", "help backup"),
    ("--nonsense backup", "--nonsense backup"),
    ("-zr /repo backup", "-zr /repo backup"),
    ("", ""),
    // A value that is missing is the parser's business.
    ("snapshots -r", "snapshots -r"),
    ("-r", ""),
    // Behind `--` everything is left alone.
    (
      "-q backup --stdin-from-command -- sh -r --verbose=2",
      "backup -q --stdin-from-command -- sh -r --verbose=2"
    ),
  ])
  func order(_ given: String, _ expected: String) {
    let arguments = given.split(separator: " ").map(String.init)
    #expect(
      ArgumentNormaliser.normalise(arguments) == expected.split(separator: " ").map(String.init))
  }
}
