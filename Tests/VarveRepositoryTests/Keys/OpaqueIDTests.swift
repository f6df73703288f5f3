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
}
