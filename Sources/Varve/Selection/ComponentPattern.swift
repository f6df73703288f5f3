// The wildcards of one path component: the syntax of Go's path/filepath.Match, which is restic's.
//
//   *        any sequence of characters
//   ?        any one character
//   [a-z]    one character of a class; [^a-z] one that is not; no empty class
//   \c       the character c itself
//
// A character is one UTF-8 scalar, or one byte where the bytes are not UTF-8. The pattern is a list
// of pieces, each a run without `*`; a piece behind a `*` is looked for at ever later positions and
// stays where it is first found. Malformed: an open class, a class bound that is missing, a final
// backslash.

/// A compiled pattern for one component of a path.
struct ComponentPattern: Sendable {
  /// The shape, from the cheapest test to the dearest.
  private enum Shape: Sendable {
    case anything
    case literal([UInt8])
    case prefix([UInt8])
    case suffix([UInt8])
    case general([Piece])
  }

  private struct Piece: Sendable {
    var afterStar: Bool
    var tokens: [Token]
  }

  private enum Token: Sendable {
    case byte(UInt8)
    case anyCharacter
    case oneOf(negated: Bool, [ClosedRange<UInt32>])
  }

  private let shape: Shape

  /// Nil when `text` is malformed.
  init?(_ text: ArraySlice<UInt8>) {
    guard let pieces = ComponentPattern.pieces(text) else { return nil }
    shape = ComponentPattern.shape(pieces)
  }

  /// The component's bytes when it has no wildcards.
  var literal: [UInt8]? {
    if case .literal(let bytes) = shape { bytes } else { nil }
  }

  /// Whether the whole of `name` matches. O(name) for all but `general`.
  @inline(__always)
  func matches(_ name: UnsafeRawBufferPointer) -> Bool {
    switch shape {
    case .anything: true
    case .literal(let bytes):
      name.count == bytes.count && ComponentPattern.begins(name, at: 0, with: bytes)
    case .prefix(let bytes): ComponentPattern.begins(name, at: 0, with: bytes)
    case .suffix(let bytes):
      ComponentPattern.begins(name, at: name.count - bytes.count, with: bytes)
    case .general(let pieces): ComponentPattern.matches(pieces, name)
    }
  }

  @inline(__always)
  private static func begins(
    _ name: UnsafeRawBufferPointer, at start: Int, with bytes: [UInt8]
  ) -> Bool {
    guard start >= 0, start + bytes.count <= name.count else { return false }
    var index = bytes.count
    while index > 0 {
      index -= 1
      if name[start + index] != bytes[index] { return false }
    }
    return true
  }

  private static func matches(_ pieces: [Piece], _ name: UnsafeRawBufferPointer) -> Bool {
    var position = 0
    pieces: for (index, piece) in pieces.enumerated() {
      let isLast = index == pieces.count - 1
      if piece.afterStar && piece.tokens.isEmpty { return true }
      var start = position
      while true {
        if let end = end(of: piece.tokens, name, start), !isLast || end == name.count {
          position = end
          continue pieces
        }
        guard piece.afterStar, start < name.count else { return false }
        start += 1
      }
    }
    return position == name.count
  }

  /// Where the match of `tokens` at `start` ends; nil when there is none.
  private static func end(
    of tokens: [Token], _ name: UnsafeRawBufferPointer, _ start: Int
  ) -> Int? {
    var position = start
    for token in tokens {
      guard position < name.count else { return nil }
      switch token {
      case .byte(let byte):
        guard name[position] == byte else { return nil }
        position += 1
      case .anyCharacter:
        position += UTF8Scalar(at: position, in: name).byteCount
      case .oneOf(let negated, let ranges):
        let scalar = UTF8Scalar(at: position, in: name)
        let isMember = ranges.contains { $0.contains(scalar.value) }
        guard isMember != negated else { return nil }
        position += scalar.byteCount
      }
    }
    return position
  }

  // MARK: Compiling

  private static func shape(_ pieces: [Piece]) -> Shape {
    func bytes(_ piece: Piece) -> [UInt8]? {
      var out: [UInt8] = []
      for token in piece.tokens {
        guard case .byte(let byte) = token else { return nil }
        out.append(byte)
      }
      return out
    }
    switch pieces.count {
    case 0: return .literal([])
    case 1:
      guard let text = bytes(pieces[0]) else { break }
      if !pieces[0].afterStar { return .literal(text) }
      return text.isEmpty ? .anything : .suffix(text)
    case 2:
      guard !pieces[0].afterStar, pieces[1].tokens.isEmpty, let text = bytes(pieces[0])
      else { break }
      return .prefix(text)
    default: break
    }
    return .general(pieces)
  }

  private static func pieces(_ text: ArraySlice<UInt8>) -> [Piece]? {
    var pieces: [Piece] = []
    var rest = text
    while !rest.isEmpty {
      let star = rest.first == UInt8(ascii: "*")
      rest = rest.drop { $0 == UInt8(ascii: "*") }
      var piece = Piece(afterStar: star, tokens: [])
      while let byte = rest.first, byte != UInt8(ascii: "*") {
        rest = rest.dropFirst()
        switch byte {
        case UInt8(ascii: "?"): piece.tokens.append(.anyCharacter)
        case UInt8(ascii: "["):
          guard let token = characterClass(&rest) else { return nil }
          piece.tokens.append(token)
        case UInt8(ascii: "\\"):
          guard let escaped = rest.popFirst() else { return nil }
          piece.tokens.append(.byte(escaped))
        default: piece.tokens.append(.byte(byte))
        }
      }
      pieces.append(piece)
    }
    return pieces
  }

  /// Reads a class behind its `[`.
  private static func characterClass(_ rest: inout ArraySlice<UInt8>) -> Token? {
    var negated = false
    if rest.first == UInt8(ascii: "^") {
      negated = true
      rest = rest.dropFirst()
    }
    var ranges: [ClosedRange<UInt32>] = []
    var count = 0
    while true {
      if rest.first == UInt8(ascii: "]"), count > 0 {
        rest = rest.dropFirst()
        return .oneOf(negated: negated, ranges)
      }
      guard let low = bound(&rest) else { return nil }
      var high = low
      if rest.first == UInt8(ascii: "-") {
        rest = rest.dropFirst()
        guard let upper = bound(&rest) else { return nil }
        high = upper
      }
      if low <= high { ranges.append(low...high) }
      count += 1
    }
  }

  private static func bound(_ rest: inout ArraySlice<UInt8>) -> UInt32? {
    guard let first = rest.first, first != UInt8(ascii: "-"), first != UInt8(ascii: "]")
    else { return nil }
    if first == UInt8(ascii: "\\") { rest = rest.dropFirst() }
    let scalar = rest.withUnsafeBytes { bytes in
      bytes.isEmpty ? nil : UTF8Scalar(at: 0, in: bytes)
    }
    guard let scalar, scalar.isValid else { return nil }
    rest = rest.dropFirst(scalar.byteCount)
    return rest.isEmpty ? nil : scalar.value
  }
}
