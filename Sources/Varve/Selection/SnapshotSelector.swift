import VarveFormat

/// How a user names one snapshot, and perhaps a place in it.
///
/// ```
/// selector := ( "latest" | "latest~" N | id or its first digits ) [ ":" path ]
/// ```
/// `latest` is the newest complete snapshot by the time recorded in it; `latest~N` is the Nth before
/// it. A snapshot that was committed while its backup went on is reached by its id only.
public struct SnapshotSelector: Sendable, Equatable {
  public enum Name: Sendable, Equatable {
    /// How many before the newest.
    case latest(back: Int)
    /// Lower-case hexadecimal digits, 1 to 64.
    case id(prefix: String)
  }

  public let name: Name
  /// The root when no path is given.
  public let path: SnapshotPath

  /// - Throws: `.usage` for what is no selector.
  public init(parsing text: [UInt8]) throws {
    let colon = text.firstIndex(of: UInt8(ascii: ":"))
    let name = text[..<(colon ?? text.endIndex)]
    path = colon.map { SnapshotPath(text[($0 + 1)...]) } ?? .root
    if let back = SnapshotSelector.stepsBack(name) {
      self.name = .latest(back: back)
      return
    }
    let digits = String(decoding: name, as: UTF8.self).lowercased()
    guard (1...64).contains(digits.utf8.count), digits.utf8.allSatisfy(SnapshotSelector.isDigit)
    else {
      throw VarveError(
        .usage, "\"\(EscapedBytes.text(Array(name)))\" names no snapshot",
        hint:
          "give an id or its first digits, latest, or latest~N; list them with 'varve snapshots'")
    }
    self.name = .id(prefix: digits)
  }

  /// N of `latest~N`, 0 for `latest`.
  private static func stepsBack(_ name: ArraySlice<UInt8>) -> Int? {
    let latest = "latest".utf8
    guard name.starts(with: latest) else { return nil }
    let rest = name.dropFirst(latest.count)
    guard let tilde = rest.first else { return 0 }
    let digits = rest.dropFirst()
    guard tilde == UInt8(ascii: "~"), digits.allSatisfy({ (0x30...0x39).contains($0) })
    else { return nil }
    return Int(String(decoding: digits, as: UTF8.self))
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
  }
}

extension SnapshotSelector: CustomStringConvertible {
  public var description: String {
    let text =
      switch name {
      case .latest(0): "latest"
      case .latest(let back): "latest~\(back)"
      case .id(let prefix): prefix
      }
    return path.isRoot ? text : "\(text):\(path)"
  }
}
