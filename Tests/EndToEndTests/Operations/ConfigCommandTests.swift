import Glibc
import Testing
import VarveTestThreads

/// `varve config …`, and docs/configuration.md.
@Suite(.onOwnThreads) struct ConfigCommandTests {
  private static let page = Tools.sources + "/docs/configuration.md"

  /// Python's jsonschema with the schema, and Varve's parser, on the examples of the manual and on what chance makes of them.
  @Test func theSchemaAndTheParserAgree() throws {
    let here = try Workspace()
    let outcome = try here.run([
      Tools.judges, Tools.conformance + "/configuration.py", Tools.varve, here.root,
      "\(Tools.rounds(400, soak: 20_000))", "1", Self.page,
    ])
    #expect(outcome.code == 0, "\(outcome.text)\(outcome.errors)")
  }

  @Test func theManualHasAllKeys() throws {
    let here = try Workspace()
    let outcome = try here.run([
      Tools.python, Tools.sources + "/scripts/configuration-tables", "--check", Tools.varve,
    ])
    #expect(outcome.code == 0, "\(outcome.errors)")
  }

  @Test func whatIsWrongIsSaid() throws {
    let here = try Workspace()
    try here.configure("profiles:\n  web:\n    scedule: daily\n    sources: []\n")
    let outcome = try here.varve("config", "check", "--config", here.configurationFile)
    let file = here.configurationFile
    #expect(outcome.code == 64 && outcome.output.isEmpty)
    #expect(
      outcome.errors == """
        varve: error: \(file):7:5: a profile has no key 'scedule'; did you mean 'schedule'?
        varve: error: \(file):8:14: the list is empty

        """)
    let run = try here.runProfiles("--all")
    #expect(run.code == 64)
    #expect(run.errors.contains(":7:5: a profile has no key 'scedule'"))
    #expect(run.errors.contains("(and 1 more)"))
    #expect(run.errors.contains("varve: hint: 'varve config check' shows all that is wrong"))
    let json = try here.varve("config", "check", "--json", "--config", file)
    let report = try json.document()
    #expect(json.code == 64 && report["valid"].bool == false)
    #expect(report["problems"].list.map { $0["line"].number } == [7, 8])
  }

  @Test func theFileIsLookedForInThisOrder() throws {
    let here = try Workspace()
    func check(_ arguments: String...) throws -> String {
      try here.varve(["config", "check"] + arguments).text
    }
    let none = try here.varve("config", "check")
    #expect(none.code == 64 && none.errors.contains("there is no configuration"))
    #expect(none.errors.contains("--config or VARVE_CONFIG"))
    let text = "repositories: {main: /srv}\n"
    try here.write(text, to: here.root + "/home/.config/varve/varve.yaml")
    try here.write(text, to: here.root + "/config/varve/varve.yaml")
    try here.write(text, to: here.root + "/a.yaml")
    try here.write(text, to: here.root + "/b.yaml")
    #expect(try check().hasPrefix(here.root + "/config/varve/varve.yaml: 1 repository"))
    here.environment["XDG_CONFIG_HOME"] = nil
    #expect(try check().hasPrefix(here.root + "/home/.config/varve/varve.yaml"))
    here.environment["VARVE_CONFIG"] = here.root + "/a.yaml"
    #expect(try check().hasPrefix(here.root + "/a.yaml"))
    #expect(try check("--config", here.root + "/b.yaml").hasPrefix(here.root + "/b.yaml"))
  }

  @Test func secretsAreNotShown() throws {
    let here = try Workspace()
    here.environment["HOOK_TOKEN"] = "wr41th"
    try here.configure(
      """
      notifications:
        chat:
          webhook: {url: "https://h.example.org/${HOOK_TOKEN}", headers: {Authorization: plain-secret}}

      """)
    for arguments in [["show"], ["show", "--json"], ["check"], ["check", "--json"]] {
      let outcome = try here.varve(
        ["config"] + arguments + ["--config", here.configurationFile])
      #expect(outcome.code == 0)
      for secret in ["wr41th", "plain-secret"] {
        #expect(!outcome.text.contains(secret) && !outcome.errors.contains(secret))
      }
      #expect(outcome.errors.contains("the header Authorization stands here in clear"))
    }
  }
}
