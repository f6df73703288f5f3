extension ConfigurationGrammar {
  static let profile = GrammarObject(
    name: "profile", noun: "a profile",
    fields: [
      GrammarField(
        "repository", .name, "The repository", default: "the only one, where there is one"),
      GrammarField(
        "repositories", .list(.name, atLeast: 1), "Several of them; each gets every source"),
      GrammarField("host", .text(.filled), "The host's name in snapshots", default: "this host's"),
      GrammarField("tags", .texts, "Tags of all its snapshots"),
      GrammarField(
        "schedule", .schedule, "When `varve run --due` runs it", default: "only by hand"),
      GrammarField(
        "max-age", .duration,
        "A source whose newest snapshot is older is stale (`varve status`)",
        default: "by its schedule, where it has one"),
      GrammarField(
        "sources", .list(.either([.path, .object(source)]), atLeast: 1),
        "What is captured; a path alone stands for its `path`", required: true),
      GrammarField("exclude", .texts, "Patterns as `--exclude` has them, for all its sources"),
      GrammarField(
        "retention", retention, "Which snapshots are kept, of sources that do not say themselves",
        default: "what the repository's policy says"),
      GrammarField(
        "meta", .map(.either([.anyScalar, .object(metadata)]), keys: .filled),
        "What is recorded in each snapshot"),
      GrammarField("hooks", .object(hooks), "Commands around runs and restores"),
      GrammarField("notify", .oneOrMore(.name), "Names of notifications"),
      GrammarField(
        "change-alarm", .either([.only(false), .object(changeAlarm)]),
        "When somebody should look at what a run changed; `false` for never"),
      GrammarField(
        "drills", .map(.object(drill)), "Restores that are made to see that restores work, by name"),
    ], exactlyOne: [], atMostOne: [["repository", "repositories"]])

  static let source = GrammarObject(
    name: "source", noun: "a source",
    fields: [
      GrammarField("path", .path, "A file or directory"),
      GrammarField(
        "sqlite", .path, "A SQLite database, captured while it is in use and checked"),
      GrammarField("command", command, "A command whose standard output is captured"),
      GrammarField(
        "file-name", .text(.filled), "The name of the file that this output becomes",
        default: "the source's name"),
      GrammarField(
        "name", .name, "Unique in its profile", default: "the last component of the path"),
      GrammarField(
        "allow-empty", .boolean,
        "That nothing is left of it, or that it is a symbolic link, does not make a run incomplete",
        default: "false"),
      GrammarField("exclude", .texts, "Patterns as `--exclude` has them"),
      GrammarField(
        "one-file-system", .boolean, "Stay in the file system of the path", default: "false"),
      GrammarField(
        "exclude-caches", .boolean, "Leave out directories that have a CACHEDIR.TAG",
        default: "false"),
      GrammarField(
        "chunk-size", .size, "The mean size of chunks: a power of two from 8KiB to 1MiB",
        default: "what suits"),
      GrammarField("retention", retention, "Which of its snapshots are kept"),
      GrammarField("max-age", .duration, "As the profile's, for this source"),
      GrammarField(
        "sensitive", .boolean, "A restore asks first; the service's needs a confirmation",
        default: "false"),
      GrammarField("tags", .texts, "Tags of its snapshots, besides the profile's"),
    ], exactlyOne: [["path", "sqlite", "command"]], needs: ["file-name": "command"])

  /// A shell's line, or a program with its arguments, or more about either.
  static let command = Grammar.either([
    .text(.filled), .list(.text(.any), atLeast: 1), .object(commandDetails),
  ])

  static let commandDetails = GrammarObject(
    name: "command", noun: "a command",
    fields: [
      GrammarField(
        "run", .either([.text(.filled), .list(.text(.any), atLeast: 1)]),
        "A line for `/bin/sh -c`, or a list of a program and its arguments", required: true),
      GrammarField(
        "timeout", .duration, "It is ended after so long",
        default: "5m; of a source's command 12h, of a notification's 15s"),
      GrammarField(
        "environment", .map(.anyScalar, keys: .filled), "Variables that it sees"),
      GrammarField("directory", .path, "Where it runs", default: "where Varve runs"),
    ])

  static let commands = Grammar.either([
    .text(.filled), .list(command, atLeast: 1), .object(commandDetails),
  ])

  static let metadata = GrammarObject(
    name: "metadata", noun: "a value",
    fields: [
      GrammarField(
        "command", command, "What a command prints; where it fails, the run fails"),
      GrammarField("sha256", .path, "The SHA-256 of a file"),
    ], exactlyOne: [["command", "sha256"]])

  static let hooks = GrammarObject(
    name: "hooks", noun: "hooks",
    fields: [
      GrammarField("before", commands, "Before anything is captured; one that fails stops the run"),
      GrammarField("after", commands, "Afterwards, in any case"),
      GrammarField("on-success", commands, "After a run that succeeded"),
      GrammarField("on-failure", commands, "After one that failed or is incomplete"),
      GrammarField(
        "before-restore", commands,
        "Before a restore over live files, by profile or by the service; the first that fails stops it"
      ),
      GrammarField("after-restore", commands, "After such a restore, whatever came of it"),
    ])

  static let changeAlarm = GrammarObject(
    name: "change-alarm", noun: "a change alarm",
    fields: [
      GrammarField(
        "growth-factor", .number(1...1_000_000),
        "New bytes over the median of the runs before", default: "10"),
      GrammarField(
        "rewritten-part", .number(0...1), "Part of the files that were changed or removed",
        default: "0.5"),
      GrammarField(
        "incompressible-part", .number(0...1),
        "Stored over read bytes of what is new; from here on it looks encrypted", default: "0.97"),
      GrammarField(
        "minimum-size", .size, "With fewer new bytes nothing is said", default: "64MiB"),
    ])

  private static let count = Grammar.either([
    .integer(0...1_000_000), .text(.choice("unlimited")),
  ])

  /// `30d` keeps what is not older than that before the newest.
  static let retention = Grammar.either([.text(.span), .object(retentionRules)])

  static let retentionRules = GrammarObject(
    name: "retention", noun: "retention",
    fields: [
      GrammarField("last", count, "The newest snapshots, so many"),
      GrammarField("hourly", count, "The newest of each of the last hours that have one"),
      GrammarField("daily", count, "The same of days"),
      GrammarField("weekly", count, "The same of weeks"),
      GrammarField("monthly", count, "The same of months"),
      GrammarField("yearly", count, "The same of years"),
      GrammarField("within", .text(.within), "All of a time before the newest, such as 90d"),
      GrammarField("within-hourly", .text(.within), "One of each hour of that time"),
      GrammarField("within-daily", .text(.within), "The same of days"),
      GrammarField("within-weekly", .text(.within), "The same of weeks"),
      GrammarField("within-monthly", .text(.within), "The same of months"),
      GrammarField("within-yearly", .text(.within), "The same of years"),
      GrammarField(
        "tags", .list(.text(.filled), atLeast: 1), "Those that have these tags; `a,b` wants both"),
    ])
}
