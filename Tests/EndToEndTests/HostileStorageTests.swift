import Glibc
import Testing
import VarveTestThreads

/// Single objects that are not what they should be, which must not stop what does not depend on them.
@Suite(.onOwnThreads) struct HostileStorageTests {
  private func prepare(_ options: [String] = []) throws -> Workspace {
    let here = try Workspace()
    try here.makeSmallTree()
    let outcome = try here.varve(["init"] + options)
    try #require(outcome.code == 0, "\(outcome.errors)")
    try here.backup()
    return here
  }

  @Test(arguments: ["config", "log/checkpoint"])
  func objectsOfAnySizeTakeNoMemory(_ name: String) throws {
    let here = try prepare()
    try #require(truncate(here.repository + "/" + name, 7 << 40) == 0)
    let outcome = try here.varve("snapshots")
    #expect(outcome.code == (name == "config" ? 20 : 0), "\(outcome.code) \(outcome.errors)")
    #expect(outcome.errors.contains(name))
  }

  @Test func aWrongCheckpointStopsNobody() throws {
    let here = try prepare()
    let checkpoint = here.repository + "/log/checkpoint"
    try here.write("garbage", to: checkpoint)
    try here.fail(20, "check", "--no-record", saying: ["log/checkpoint"])
    try here.write("garbage", to: checkpoint)
    let listed = try here.succeed("snapshots")
    #expect(listed.errors.contains("log/checkpoint"))
    #expect(try here.read(checkpoint) != Array("garbage".utf8))
    #expect(!(try here.succeed("snapshots").errors.contains("log/checkpoint")))
    try here.backup()
    try here.succeed("check")
  }

  @Test func aDamagedInventoryStopsNoRestoreAndNoBackup() throws {
    let here = try prepare(["--pack-size", "1M"])
    var generator = SystemRandomNumberGenerator()
    let random = (0..<12 << 20).map { _ in generator.next() as UInt64 }
    try here.write(random.withUnsafeBytes { Array($0) }, to: here.source + "/large")
    try here.backup()
    let name = try #require(here.objects("inventories/").first)
    let path = here.repository + "/" + name
    var bytes = try here.read(path)
    bytes[30] = UInt8(ascii: "X")
    try here.write(bytes, to: path)

    let restored = try here.restoreSource()
    #expect(restored.code == 0, "\(restored.errors)")
    #expect(restored.errors.contains(name))
    try here.expectEqual(here.source, here.target, "--skip-root")
    try here.fail(20, "prune", "--dry-run", saying: [name, "varve repair index"])
    let found = try here.fail(20, "check", "--no-record", saying: ["varve repair index"])
    #expect(!found.errors.contains("what is not named above is intact"))
    try here.backup()
    #expect(try here.succeed("repair", "index").text.contains("declared anew"))
    try here.succeed("prune")
    try here.remove(here.target)
    #expect(try here.restoreSource().code == 0)
    try here.expectEqual(here.source, here.target, "--skip-root")
  }
}
