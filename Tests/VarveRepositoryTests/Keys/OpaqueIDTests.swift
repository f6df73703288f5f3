import Testing
import VarveCrypto
import VarveFormat
import VarveRepository

@Suite struct OpaqueIDTests {
  @Test func everyRoleNamesSourcesAndTagsAlike() throws {
    let bench = try LogBench()
    let owner = try bench.unlock()
    let ids = try owner.keys.opaqueIDs()
    let paths: [[UInt8]] = [Array("/srv".utf8), Array("/home/\\".utf8) + [0xff]]
    let source = ids.source(host: Array("lake".utf8), paths: paths)
    #expect(source == ids.source(host: Array("lake".utf8), paths: paths.reversed() + paths))
    for role in [Role.writer, .reader] {
      let key = LogBench.KeyFile(try owner.addKeyFile(role: role))
      let other = try bench.unlock("as \(role.rawValue)", key: key).keys.opaqueIDs()
      #expect(other.source(host: Array("lake".utf8), paths: paths) == source)
      #expect(other.tag("x") == ids.tag("x"))
    }
    // Whatever differs gives another id, also where the same bytes are divided otherwise.
    let others = [
      ids.source(host: Array("lakes".utf8), paths: paths),
      ids.source(host: Array("lake".utf8), paths: [paths[0]]),
      ids.source(host: [], paths: [Array("lake".utf8)] + paths),
      ids.source(host: Array("lake".utf8), paths: [Array("/srv\",\"/home".utf8)]),
      ids.tag("lake"), ids.tag(""), ids.tag("lake "),
      try LogBench().unlock().keys.opaqueIDs().tag("lake"),
    ]
    #expect(Set(others + [source]).count == others.count + 1)
  }

  /// Those of docs/format.md, section 14.7.
  @Test func workedExample() throws {
    let indexKey = "1ce270ae87e20312a8ee9eb3d897b5f66eb5ef6c826ca78d41f9e654df5b00d7"
    let ids = OpaqueIDs(
      indexKey: SecretBytes(copying: try #require(Digest(hex: indexKey)).bytes),
      repository: try #require(Digest(Array(0x20..<0x40))))
    #expect(
      ids.source(host: Array("lake".utf8), paths: [Array("/home/ada/".utf8) + [0xff]]).hex
        == "88ef78373e29eab1c4d76a016b67803173d3d895fdec341f6644bd78fae361bf")
    #expect(
      ids.tag("example").hex
        == "3b9c02c50c9f199889f8dbe348046087db9eb5f20b8a50cc27bb94d92ef6f0ea")
  }
}
