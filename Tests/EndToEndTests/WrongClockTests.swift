import Testing
import VarveTestThreads

/// What `forget` keeps of a repository whose clients disagree, and what an audit says of it.
@Suite(.onOwnThreads) struct WrongClockTests {
  private func prepare() throws -> Workspace {
    let here = try Workspace()
    try here.initializeWithKeyFile()
    try here.useKeyFile()
    try here.write("data", to: here.source + "/file")
    return here
  }

  @Test func backupsOfTheFuturePushNoneOut() throws {
    let here = try prepare()
    for _ in 0..<2 { try here.backup() }
    for days in 1500...1502 {
      let ahead = try here.varve(at: "+\(days)d", "backup", here.source)
      #expect(ahead.code == 0, "\(ahead.errors)")
    }
    let known = Set(try here.snapshots().compactMap { $0["id"].string })
    for _ in 0..<2 { try here.backup() }
    let made = Set(try here.snapshots().compactMap { $0["id"].string }).subtracting(known)
    try #require(made.count == 2 && known.count == 5)
    try here.succeed("policy", "set", "--default", "--keep-last", "3")
    let done = try here.succeed("forget")
    #expect(done.text.contains("time not as claimed"), "\(done.text)")
    let live = Set(try here.snapshots().compactMap { $0["id"].string })
    #expect(live.isSuperset(of: made) && live.count == 6, "\(done.text)")
    // The audit finds the clocks, and nothing that was forgotten against the policy.
    let audit = try here.varve("audit", "--json")
    let document = try audit.document()
    let kinds = Set((document["broken"].list + document["notices"].list).map { $0["kind"].string })
    #expect(audit.code == 22 && kinds.contains("time") && !kinds.contains("retention"))
  }

  /// Macs spell "café" with two characters where others have one.
  @Test func aTagInAnotherSpellingTakesNoPolicyAway() throws {
    let here = try prepare()
    let (one, two) = ("caf\u{e9}", "cafe\u{301}")
    try here.succeed("backup", here.source, "--tag", one)
    try here.backup()
    try here.succeed("policy", "set", "--default", "--keep-last", "1", "--keep-tag", one)
    try here.write("other", to: here.root + "/other/file")
    try here.succeed("backup", here.root + "/other", "--tag", two)
    try here.succeed("forget")
    #expect(try here.snapshots().count == 3)
    #expect(try here.snapshots("--tag", one).count == 1)
    try here.succeed("audit")
  }
}
