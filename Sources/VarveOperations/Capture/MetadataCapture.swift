import CVarveLinux
import Glibc
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage

/// What a profile records in each snapshot of a set, found out when the run begins.
enum MetadataCapture {
  /// The longest value, in bytes.
  private static let limit = 4096

  /// - Throws: `.io`, naming the key, when a command fails or a file cannot be read; `.interrupted`.
  static func values(
    _ meta: [String: MetadataValue], environment: [String: String], cancellation: CancellationFlag
  ) throws -> [String: String] {
    var values: [String: String] = [:]
    for (key, value) in meta.sorted(by: { $0.key < $1.key }) {
      switch value {
      case .text(let text): values[key] = text
      case .digest(let path): values[key] = try digest(of: path, key, cancellation)
      case .command(let command):
        let outcome = try CommandRun.run(
          command, environment: environment, outputLimit: limit + 1, cancellation: cancellation)
        if let failure = outcome.failure {
          throw VarveError(
            .io, "the command for '\(key)': \(failure)",
            hint: "run it by hand, as the same user")
        }
        values[key] = try text(outcome, key)
      }
    }
    return values
  }

  private static func text(_ outcome: CommandOutcome, _ key: String) throws -> String {
    let isSpace = { (byte: UInt8) in byte == 0x20 || (0x09...0x0d).contains(byte) }
    let trimmed = outcome.output.drop(while: isSpace).reversed().drop(while: isSpace).reversed()
    guard !outcome.isOutputTruncated, trimmed.count <= limit else {
      throw VarveError(
        .io, "the command for '\(key)' prints more than \(limit) bytes",
        hint: "have it print a digest, or a part")
    }
    guard let text = String(validating: trimmed, as: UTF8.self) else {
      throw VarveError(
        .io, "what the command for '\(key)' prints is not UTF-8", hint: "have it print text")
    }
    return text
  }

  private static func digest(
    of path: String, _ key: String, _ cancellation: CancellationFlag
  ) throws -> String {
    let name = ByteText.printable(path)
    let file = varve_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0)
    guard file >= 0 else { throw VarveError(system: -file, "'\(key)': cannot read \(name)") }
    defer { close(file) }
    let hash = SHA256Stream()
    var offset: Int64 = 0
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      try cancellation.check()
      let count = varve_pread(file, &buffer, buffer.count, offset)
      guard count >= 0 else {
        throw VarveError(system: Int32(-count), "'\(key)': cannot read \(name)")
      }
      if count == 0 { return hash.finish().hex }
      buffer.withUnsafeBytes { hash.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
      offset += Int64(count)
    }
  }
}
