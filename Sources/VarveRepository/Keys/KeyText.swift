// Key files and recovery keys as text (docs/format.md, section 4.2):
//
//     lines that start with # and empty lines, and one line
//     VARVE-KEY-1-AAAAAA-BBBBBB-…         72 characters of base32 in groups of 6, which stand for
//
//     kind:u8 ('K' key file | 'R' recovery key) repository:bytes(8) secret:bytes(32) check:bytes(4)
//
// `repository` is the start of RID, `check` that of SHA-256 over the 41 bytes before it. Readers
// ignore case, spaces and `-`. The text is a secret and never leaves `SecretBytes` here.

package import VarveCrypto
package import VarveFormat

/// A key file or a recovery key.
package struct KeyText: ~Copyable, Sendable {
  package enum Kind: UInt8, Sendable {
    case keyFile = 0x4b
    case recovery = 0x52
  }

  private static let prefix: StaticString = "VARVE-KEY-1-"
  private static let groupLength = 6
  private static let secretRange = 9..<41
  private static let bodyCount = 45
  /// A key file is a few hundred bytes; more is something else.
  private static let largestText = 16 << 10

  package let kind: Kind
  /// The first 8 bytes of RID.
  package let repositoryPrefix: UInt64
  /// 32 bytes.
  package let secret: SecretBytes

  package init(kind: Kind, repository: Digest, secret: consuming SecretBytes) {
    self.kind = kind
    repositoryPrefix = repository.prefix64
    self.secret = secret
  }

  /// - Throws: `VarveError.Code.wrongPassword` for any text that is not a key.
  package init(parsing text: borrowing SecretBytes) throws {
    let body = try Self.body(of: text)
    let (kind, prefix) = try body.withUnsafeBytes { bytes in
      let check = SHA256.digest(UnsafeRawBufferPointer(rebasing: bytes[..<41])).bytes.prefix(4)
      guard bytes[41...].elementsEqual(check), let kind = Kind(rawValue: bytes[0]) else {
        throw Self.malformed("it was not copied whole, or a character is wrong")
      }
      return (kind, UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 1, as: UInt64.self)))
    }
    self.kind = kind
    repositoryPrefix = prefix
    secret = body.withUnsafeBytes {
      SecretBytes(copying: UnsafeRawBufferPointer(rebasing: $0[Self.secretRange]))
    }
  }

  package borrowing func belongs(to repository: Digest) -> Bool {
    repositoryPrefix == repository.prefix64
  }

  /// The key's line, without a line end.
  package borrowing func line() -> SecretBytes {
    let body = SecretBytes(count: Self.bodyCount) { out in
      out[0] = kind.rawValue
      out.storeBytes(of: repositoryPrefix.bigEndian, toByteOffset: 1, as: UInt64.self)
      secret.withUnsafeBytes {
        UnsafeMutableRawBufferPointer(rebasing: out[Self.secretRange]).copyMemory(from: $0)
      }
      let check = SHA256.digest(UnsafeRawBufferPointer(rebasing: out[..<41])).bytes.prefix(4)
      UnsafeMutableRawBufferPointer(rebasing: out[41...]).copyBytes(from: check)
    }
    let characters = Base32.encodedCount(Self.bodyCount)
    let digits = SecretBytes(count: characters) { out in
      body.withUnsafeBytes { Base32.encode($0, into: out) }
    }
    let prefix = UnsafeBufferPointer(
      start: Self.prefix.utf8Start, count: Self.prefix.utf8CodeUnitCount)
    let count = prefix.count + characters + characters / Self.groupLength - 1
    return SecretBytes(count: count) { out in
      out.copyBytes(from: prefix)
      var position = prefix.count
      digits.withUnsafeBytes { digits in
        for (index, digit) in digits.enumerated() {
          if index > 0, index.isMultiple(of: Self.groupLength) {
            out[position] = UInt8(ascii: "-")
            position += 1
          }
          out[position] = digit
          position += 1
        }
      }
    }
  }

  /// What is written to a file: comment lines and the key's line.
  package borrowing func fileText(repository: Digest) -> SecretBytes {
    let title = kind == .keyFile ? "Key file" : "Recovery key"
    let comment = """
      # \(title) of the repository \(RepositoryConfig.origin(of: repository))
      # Whoever has the next line and the repository can use it: keep it secret, and keep it.

      """
    return line().withUnsafeBytes { line in
      SecretBytes(count: comment.utf8.count + line.count + 1) { out in
        out.copyBytes(from: comment.utf8)
        UnsafeMutableRawBufferPointer(rebasing: out[comment.utf8.count...]).copyMemory(from: line)
        out[out.count - 1] = UInt8(ascii: "\n")
      }
    }
  }

  /// The 45 bytes that the text spells.
  private static func body(of text: borrowing SecretBytes) throws -> SecretBytes {
    guard text.count <= largestText else { throw malformed("it is too long") }
    let characters = try text.withUnsafeBytes { try significantCharacters($0) }
    let digits = Base32.encodedCount(bodyCount)
    let start = prefixLetters.count
    var isValid = false
    let body = SecretBytes(count: bodyCount) { out in
      characters.withUnsafeBytes { characters in
        guard characters.count >= start + digits,
          characters[..<start].elementsEqual(prefixLetters),
          characters[(start + digits)...].allSatisfy({ $0 == 0 })
        else { return }
        let spelled = UnsafeRawBufferPointer(rebasing: characters[start..<start + digits])
        isValid = Base32.decode(spelled, into: out) == bodyCount
      }
    }
    guard isValid else { throw malformed("it has no line that is VARVE-KEY-1- and 72 characters") }
    return body
  }

  private static let prefixLetters = Array("VARVEKEY1".utf8)

  /// The one line that is no comment, in upper case without spaces and `-`, then zeros.
  private static func significantCharacters(_ text: UnsafeRawBufferPointer) throws -> SecretBytes {
    var lines = 0
    let characters = SecretBytes(count: text.count) { out in
      var count = 0
      for line in text.split(separator: UInt8(ascii: "\n")) where line.first != UInt8(ascii: "#") {
        let start = count
        for byte in line {
          switch byte {
          case UInt8(ascii: " "), UInt8(ascii: "-"), UInt8(ascii: "\t"), UInt8(ascii: "\r"):
            continue
          case UInt8(ascii: "a")...UInt8(ascii: "z"): out[count] = byte - 0x20
          default: out[count] = byte
          }
          count += 1
        }
        if count > start { lines += 1 }
      }
    }
    guard lines == 1 else { throw malformed("it has \(lines) lines that are not comments, not 1") }
    return characters
  }

  private static func malformed(_ reason: String) -> VarveError {
    VarveError(
      .wrongPassword, "this is not a Varve key file or recovery key: \(reason)",
      hint: "use the text that 'varve key add' or 'varve key export' wrote, unchanged")
  }
}
