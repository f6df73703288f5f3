import Glibc
import Testing
import VarveFormat
import VarveOperations
import VarveServer
import VarveTestSupport
import VarveTestThreads

/// A restore with a target runs no hooks and locks nothing: it is not let near what the profile saves.
@Suite(.onOwnThreads) struct RestoreTargetTests {
  private final class Bench {
    let bench: ServiceBench
    private let token: String

    /// - Parameter sources: below the bench's directory.
    init(
      _ sources: (ServiceBench) -> [Source], _ prepare: (ServiceBench) throws -> Void = { _ in }
    ) throws {
      bench = try ServiceBench()
      try bench.makeRepository()
      for name in ["srv", "srv/data", "srv/data/sub", "srv/db", "aside"] {
        mkdir(bench.directory(name), 0o700)
      }
      try prepare(bench)
      bench.configuration.profiles["platform"]?.sources = sources(bench)
      try bench.start()
      try bench.waitUntilReady()
      token = try bench.token(.full)
    }

    func post(_ source: String, _ target: String) throws -> RawConnection.Answer {
      let body = JSONValue.object([
        "profile": .string("platform"), "source": .string(source), "target": .string(target),
      ])
      return try bench.ask(
        "POST", "/api/admin/backups/restores", token: token, ["Content-Type: application/json"],
        body: body.canonicalBytes())
    }

    func expectRefused(
      _ source: String, _ target: String, at location: SourceLocation = #_sourceLocation
    ) throws {
      let answer = try post(source, target)
      #expect(
        answer.status == 400 && answer.text.contains("overlaps the own place"),
        "\(target): \(answer.status) \(answer.text)", sourceLocation: location)
    }

    func expectStarted(
      _ source: String, _ target: String, at location: SourceLocation = #_sourceLocation
    ) throws {
      var answer = try post(source, target)
      // The one before may be about to end.
      for _ in 0..<1_000 where answer.status == 409 {
        usleep(5_000)
        answer = try post(source, target)
      }
      #expect(
        answer.status == 202, "\(target): \(answer.status) \(answer.text)",
        sourceLocation: location)
    }
  }

  private static func ordinary(_ bench: ServiceBench) -> [Source] {
    [
      Source(name: "data", origin: .path(bench.directory("srv/data"))),
      Source(name: "ledger", origin: .sqlite(bench.directory("srv/db/ledger.sqlite"))),
      Source(
        name: "dump",
        origin: .command(CommandSpecification(.shell("dump")), fileName: "/dump.gz")),
    ]
  }

  @Test(arguments: ["data", "ledger", "dump"])
  func placesThatAreSavedAreRefused(_ source: String) throws {
    let here = try Bench(Self.ordinary)
    let root = here.bench.directory.path
    for target in ["/", "//", "/..", root, root + "/srv", root + "/srv/"] {
      try here.expectRefused(source, target)
    }
    for target in ["data", "data/", "data/.", "data/new/deeper", "db/../data", "no/../data/x"] {
      try here.expectRefused(source, "\(root)/srv/\(target)")
    }
    // A database's directory, where it would be written over; and what is no directory.
    for target in ["db", "db/", "db/ledger.sqlite", "db/ledger.sqlite/x"] {
      try here.expectRefused(source, "\(root)/srv/\(target)")
    }
  }

  @Test func placesBesideAreGood() throws {
    let here = try Bench(Self.ordinary)
    let root = here.bench.directory.path
    for target in [
      "srv/data2", "srv/dat", "srv/restore", "srv/db/other", "srv/data/../new", "aside",
    ] {
      try here.expectStarted("data", "\(root)/\(target)")
    }
    try here.expectStarted("ledger", root + "/aside/not/there")
    try here.expectStarted("dump", root + "/srv/db/dumps")
  }

  @Test func linksAreFollowed() throws {
    func sources(_ bench: ServiceBench) -> [Source] {
      Self.ordinary(bench) + [Source(name: "site", origin: .path(bench.directory("current")))]
    }
    let here = try Bench(sources) { bench in
      mkdir(bench.directory("releases"), 0o700)
      mkdir(bench.directory("releases/1"), 0o700)
      for (name, destination) in [
        ("current", "releases/1"), ("aside/srv", "../srv"), ("aside/sub", "../srv/data/sub"),
        ("srv/data/away", "../../aside"),
      ] { symlink(destination, bench.directory(name)) }
    }
    let root = here.bench.directory.path
    for target in [
      // By their text these are beside.
      "aside/srv/data", "aside/srv/data/new", "aside/srv", "aside/sub", "aside/sub/../new",
      "none/../aside/sub/new",
      // The place itself is a link.
      "current", "current/x", "releases/1", "releases/1/x", "releases",
    ] { try here.expectRefused("data", "\(root)/\(target)") }
    for target in ["aside/srv/new", "releases/2", "srv/data/away/new"] {
      try here.expectStarted("data", "\(root)/\(target)")
    }
  }

  /// Nothing lies beside it.
  @Test func ofTheRootWhatIsEmptyIsGood() throws {
    let here = try Bench { _ in [Source(name: "host", origin: .path("/"))] }
    let root = here.bench.directory.path
    for target in ["/", root, root + "/srv", root + "/password"] {
      try here.expectRefused("host", target)
    }
    try here.expectStarted("host", root + "/aside")
    try here.expectStarted("host", root + "/new/er")
  }

  @Test func theRefusalSaysWhatToDo() throws {
    let here = try Bench(Self.ordinary)
    let target = here.bench.directory("srv/data")
    let own = try here.post("data", target).text
    #expect(own.contains("'data'") && own.contains(target) && own.contains("a directory beside it"))
    #expect(own.contains("without target it goes back to its own place, with hooks"))
    let dump = try here.post("dump", target).text
    #expect(dump.contains("a directory beside it") && !dump.contains("without target"), "\(dump)")
    #expect(try here.post("data", "/a\0b").status == 400)
    #expect(try here.post("data", String(repeating: "/a", count: 2_048)).status == 400)
  }
}
