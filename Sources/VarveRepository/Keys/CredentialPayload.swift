// The payload of a credential (docs/format.md, section 4.1): canonical JSON of the role's members,
//
//     owner   author config master role
//     writer  author chunkerKey config indexKey logKey proofKey role
//     reader  author config dataKey indexKey proofKey role
//
// in that order; `config` is a digest in hexadecimal, the others but `role` are 32 bytes in base64.
// As every value has a fixed length, a role's payload is a template with holes: it is written
// and read in place, so that no secret passes through a string.

package import VarveCrypto
package import VarveFormat

package struct CredentialPayload: ~Copyable, Sendable {
  package enum Name: String, CaseIterable, Sendable {
    case author, chunkerKey, dataKey, indexKey, logKey, master, proofKey
  }

  static let secretByteCount = 32
  private static let encodedByteCount = Base64.encodedCount(secretByteCount)

  let role: Role
  /// The digest of the object `config`.
  let config: Digest
  /// The secrets of the role in the order of `names(role)`, one after another.
  private let secrets: SecretBytes

  package static func names(_ role: Role) -> [Name] {
    switch role {
    case .owner: [.author, .master]
    case .writer: [.author, .chunkerKey, .indexKey, .logKey, .proofKey]
    case .reader: [.author, .dataKey, .indexKey, .proofKey]
    }
  }

  /// - Parameter secret: gives each secret of the role, 32 bytes.
  package init(role: Role, config: Digest, secret: (Name) throws -> SecretBytes) throws {
    self.role = role
    self.config = config
    let names = Self.names(role)
    secrets = try SecretBytes(count: names.count * Self.secretByteCount) { out in
      for (index, name) in names.enumerated() {
        let start = index * Self.secretByteCount
        let hole = UnsafeMutableRawBufferPointer(
          rebasing: out[start..<start + Self.secretByteCount])
        try secret(name).withUnsafeBytes { hole.copyMemory(from: $0) }
      }
    }
  }

  /// The secret called `name`.
  ///
  /// - Throws: `VarveError.Code.forbidden` when the role has none of that name.
  borrowing func secret(_ name: Name) throws -> SecretBytes {
    guard let index = Self.names(role).firstIndex(of: name) else {
      throw VarveError(.forbidden, "a \(role.rawValue) does not have the key \(name.rawValue)")
    }
    return secrets.withUnsafeBytes {
      let start = index * Self.secretByteCount
      return SecretBytes(
        copying: UnsafeRawBufferPointer(rebasing: $0[start..<start + Self.secretByteCount]))
    }
  }

  private enum Piece {
    case text(String)
    case config
    case secret(Int)
  }

  /// The template of a role.
  private static func pieces(_ role: Role) -> [Piece] {
    let names = names(role)
    let members = (names.map(\.rawValue) + ["config", "role"]).sorted()
    var pieces: [Piece] = []
    for (position, member) in members.enumerated() {
      pieces.append(.text("\(position == 0 ? "{" : ",")\"\(member)\":\""))
      if member == "config" {
        pieces.append(.config)
      } else if member == "role" {
        pieces.append(.text(role.rawValue))
      } else if let index = names.firstIndex(where: { $0.rawValue == member }) {
        pieces.append(.secret(index))
      }
      pieces.append(.text("\""))
    }
    pieces.append(.text("}"))
    return pieces
  }

  private static func byteCount(_ piece: Piece) -> Int {
    switch piece {
    case .text(let text): text.utf8.count
    case .config: 2 * Digest.byteCount
    case .secret: encodedByteCount
    }
  }

  /// The payload's bytes.
  package borrowing func encode() -> SecretBytes {
    let pieces = Self.pieces(role)
    let config = self.config.hex
    return SecretBytes(count: pieces.map(Self.byteCount).reduce(0, +)) { out in
      secrets.withUnsafeBytes { secrets in
        var offset = 0
        for piece in pieces {
          let end = offset + Self.byteCount(piece)
          let hole = UnsafeMutableRawBufferPointer(rebasing: out[offset..<end])
          switch piece {
          case .text(let text): hole.copyBytes(from: text.utf8)
          case .config: hole.copyBytes(from: config.utf8)
          case .secret(let index):
            let start = index * Self.secretByteCount
            Base64.encode(
              UnsafeRawBufferPointer(rebasing: secrets[start..<start + Self.secretByteCount]),
              into: hole)
          }
          offset = end
        }
      }
    }
  }

  /// Parses the payload of a credential of `role`.
  ///
  /// - Throws: `VarveError.Code.damaged`; the message never has anything of the payload.
  package init(decoding bytes: borrowing SecretBytes, role: Role, _ what: String) throws {
    let pieces = Self.pieces(role)
    let damaged = VarveError(
      .damaged, "\(what) is damaged: its payload is not a \(role.rawValue)'s")
    guard bytes.count == pieces.map(Self.byteCount).reduce(0, +) else { throw damaged }
    var config: Digest?
    let secrets = try SecretBytes(count: Self.names(role).count * Self.secretByteCount + 1) { out in
      try bytes.withUnsafeBytes { bytes in
        var offset = 0
        for piece in pieces {
          let end = offset + Self.byteCount(piece)
          let part = UnsafeRawBufferPointer(rebasing: bytes[offset..<end])
          switch piece {
          case .text(let text): guard part.elementsEqual(text.utf8) else { throw damaged }
          case .config:
            config = Digest(hex: String(decoding: part, as: UTF8.self))
          case .secret(let index):
            // 32 bytes are 44 characters, which decode in steps of three into room for 33.
            let start = index * Self.secretByteCount
            let hole = UnsafeMutableRawBufferPointer(rebasing: out[start...])
            guard Base64.decode(part, into: hole) == Self.secretByteCount else { throw damaged }
          }
          offset = end
        }
      }
    }
    guard let config else { throw damaged }
    self.role = role
    self.config = config
    self.secrets = secrets
  }
}
