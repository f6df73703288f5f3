import Testing
import VarveCrypto
import VarveFormat
import VarveProof
import VarveTestSupport

@Suite struct ProofRootTests {
  @Test func vectors() throws {
    let key = SecretBytes(copying: Array(UInt8(0)..<32))
    var builder = ProofRootBuilder(proofKey: key)
    for vector in try VectorFile.records("proof-roots.txt") {
      let body = try vector.bytes("body")
      let name = try vector.bytes("name")
      let meta = try vector.bytes("meta")
      let kind = try vector.text("kind")
      let target = kind == "link" ? try vector.bytes("target") : []
      try target.withUnsafeBytes { target in
        let content: CommittedContent
        switch kind {
        case "file":
          content = .file(
            size: UInt64(try vector.integer("size")),
            digest: try #require(Digest(hex: try vector.text("digest"))))
        case "directory":
          content = .directory(
            entryCount: UInt64(try vector.integer("entries")),
            root: try #require(Digest(hex: try vector.text("digest"))))
        case "link": content = .link(target: target)
        case "device":
          content = .device(
            major: UInt32(try vector.integer("major")), minor: UInt32(try vector.integer("minor")))
        default: content = .nothing
        }
        body.withUnsafeBytes { body in
          name.withUnsafeBytes { name in
            meta.withUnsafeBytes { meta in
              let leaf = EntryCommitment(proofKey: HMACSHA256(key: key), body: body)
                .leafHash(name: name, meta: meta, content: content)
              #expect(leaf.hex == (try? vector.text("leaf")), "\(vector)")
              builder.add(body: body, name: name, meta: meta, content: content)
            }
          }
        }
      }
      #expect(builder.root.hex == (try vector.text("root")), "\(vector)")
    }
    #expect(builder.count == 6)
    builder.removeAll()
    #expect(builder.root == MerkleHash.emptyRoot)
  }

  @Test func aCommitmentOpensWithItsSalt() {
    let key = HMACSHA256(key: SecretBytes(copying: [1]))
    let field: [UInt8] = [1, 2, 3]
    field.withUnsafeBytes { field in
      let commitment = EntryCommitment(proofKey: key, body: field)
      let salts = (1...3).map { commitment.salt($0) }
      #expect(Set(salts).count == 3)
      let opened = EntryCommitment.commitment(salt: salts[0], field: field)
      #expect(opened != EntryCommitment.commitment(salt: salts[1], field: field))
      #expect(opened == HMACSHA256(key: salts[0]).authenticate(field))
    }
  }
}
