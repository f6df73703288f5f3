import Testing
import VarveTestThreads

@Suite(.onOwnThreads) struct StartUpTests {
  @Test func helpAnswersWithinThirtyMilliseconds() throws {
    let here = try Workspace()
    // The quickest of many: other tests use the same cores.
    let times = try (0..<30).map { _ in try here.succeed("--help").seconds }
    let best = try #require(times.min())
    #expect(best < 0.030, "\(best * 1000) ms")
  }

  /// A library that was loaded before the program, and has changed the environment by then.
  @Test func argumentsThatAreNotBeforeTheEnvironment() throws {
    let here = try Workspace()
    let preload = ["env", "LD_PRELOAD=/usr/$LIB/faketime/libfaketime.so.1", "FAKETIME=+0"]
    let outcome = try here.run(preload + [Tools.varve, "version"])
    #expect(outcome.code == 0 && outcome.text.hasPrefix("varve "), "\(outcome.text)")
    #expect(try here.run(preload + [Tools.varve, "no-such-command"]).code == 64)
  }

  @Test func everyVerbExplainsItself() throws {
    let here = try Workspace()
    let verbs = [
      "init", "backup", "snapshots", "ls", "restore", "check", "dump", "diff", "find", "stats",
      "cat", "tag", "key", "log", "forget", "policy", "hold", "version", "witness", "anchor",
      "proof", "receipt", "audit", "proposal",
    ]
    let top = try here.succeed("--help").text
    for verb in verbs {
      #expect(top.contains(verb))
      #expect(try here.succeed(verb, "--help").text.contains("USAGE"))
    }
    for verb in ["list", "add", "remove", "passwd", "export", "import"] {
      #expect(try here.succeed("key", verb, "--help").text.contains("USAGE"))
    }
    for verb in ["show", "verify", "prove", "publish"] {
      #expect(try here.succeed("log", verb, "--help").text.contains("USAGE"))
    }
    for verb in ["set", "show", "list", "remove"] {
      #expect(try here.succeed("policy", verb, "--help").text.contains("USAGE"))
    }
    for verb in ["add", "remove", "list"] {
      #expect(try here.succeed("hold", verb, "--help").text.contains("USAGE"))
    }
    for (parent, verbs) in [
      ("proof", ["create", "verify", "fetch"]), ("receipt", ["list", "export"]),
      ("witness", ["init", "serve", "cosign"]), ("proposal", ["list", "approve"]),
    ] {
      for verb in verbs {
        #expect(try here.succeed(parent, verb, "--help").text.contains("USAGE"))
      }
    }
    let verifier = try here.run([Tools.product("varve-verify"), "--help"])
    #expect(verifier.code == 0 && verifier.text.contains("USAGE"))
    #expect(try here.succeed("version").text.contains("varve"))
  }

  @Test(arguments: ["bash", "zsh", "fish"]) func completions(shell: String) throws {
    let here = try Workspace()
    let script = try here.succeed("completion", shell).text
    #expect(script.contains("varve"))
    #expect(script.contains("snapshots"))
  }

  @Test func quietMeansQuiet() throws {
    let here = try Workspace()
    try here.makeSmallTree()
    try here.succeed("init", "-q")
    let outcome = try here.succeed("backup", "-q", here.source)
    #expect(outcome.output.isEmpty)
    #expect(outcome.errors.isEmpty, "\(outcome.errors)")
  }

  @Test func standardOutputCarriesDataOnly() throws {
    let here = try Workspace()
    try here.makeSmallTree()
    try here.succeed("init")
    let outcome = try here.succeed("backup", "--json", "-v", here.source)
    for line in try outcome.documents() { #expect(line["message_type"].exists) }
    #expect(!outcome.errors.contains("\u{1b}["), "no escape sequences off a terminal")
    let dumped = try here.succeed("dump", "latest", here.source + "/hello.txt")
    #expect(dumped.output == Array("hello\n".utf8))
  }
}
