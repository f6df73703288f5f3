extension ConfigurationGrammar {
  static let drill = GrammarObject(
    name: "drill", noun: "a drill",
    fields: [
      GrammarField(
        "schedule", .schedule, "When `varve run --due` makes it", default: "only by hand"),
      GrammarField(
        "sources", .list(.name, atLeast: 1), "Names of sources", default: "all of the profile's"),
      GrammarField(
        "sample",
        .either([.text(.choice("all")), .text(.percent), .integer(1...1_000_000_000)]),
        "What is restored: `all`, so many files, or hundredths of them (`5%`), chosen at random",
        default: "all"),
      GrammarField(
        "rto", .duration, "The recovery time: from the start to the last check; longer fails",
        default: "no limit"),
      GrammarField(
        "rpo", .duration,
        "The recovery point: between the snapshot and the start; an older one fails",
        default: "no limit"),
      GrammarField(
        "checks", .list(.object(check)), "What must hold of what was restored"),
      GrammarField(
        "services", .map(.object(drillService)),
        "Programs that run on what was restored, in this order, while checks are made"),
    ])

  static let check = GrammarObject(
    name: "check", noun: "a check",
    fields: [
      GrammarField(
        "path", .path,
        "A file of the source, about which `integrity`, `tables`, `minimum-size` and `sha256` are"),
      GrammarField(
        "integrity", .only(true), "It is a SQLite database whose `integrity_check` says `ok`"),
      GrammarField(
        "tables",
        .either([
          .list(.text(.filled), atLeast: 1),
          .map(.integer(0...((1 << 53) - 1)), keys: .filled),
        ]), "Tables that it has, perhaps with the smallest number of rows"),
      GrammarField("minimum-size", .size, "It has at least so many bytes"),
      GrammarField("sha256", .text(.digest), "Its SHA-256"),
      GrammarField(
        "command", command,
        "A command that must succeed; it runs in the directory of the drill, which "
          + "`VARVE_DRILL_DIRECTORY` names"),
      GrammarField(
        "http", .either([.text(.url), .object(probe)]),
        "What a service must answer; a URL alone stands for its `url`"),
    ], exactlyOne: [["path", "command", "http"]],
    atLeastOne: [["integrity", "tables", "minimum-size", "sha256", "command", "http"]],
    needs: ["integrity": "path", "tables": "path", "minimum-size": "path", "sha256": "path"])

  static let probe = GrammarObject(
    name: "probe", noun: "a probe",
    fields: [
      GrammarField("url", .text(.url), "What is asked", required: true),
      GrammarField("status", .integer(100...599), "The status of the answer", default: "200"),
      GrammarField("contains", .text(.filled), "What its body has in it"),
      GrammarField("timeout", .duration, "It is asked again for so long", default: "30s"),
    ])

  static let drillService = GrammarObject(
    name: "service-of-drill", noun: "a service",
    fields: [
      GrammarField(
        "command", command, "The program; it runs in the directory of the drill", required: true),
      GrammarField(
        "ready", .either([.text(.url), .object(probe)]),
        "What it must answer before checks are made", default: "it is ready at once"),
    ])
}
