// What a request is about, from its target (RFC 9112, section 3.2):
//
//     /openapi.yaml
//     /v1/<repository>/                        the repository; with ?list=<prefix>&after=<name>&limit=<n> its objects
//     /v1/<repository>/<object name>
//
// Both parts are percent-decoded once, and then held against the grammars of their names, which have no percent sign, no
// component that is `.` or `..`, no backslash, no byte beyond ASCII and no NUL. So whatever way a path is spelled that
// leads out of the repository, it is none.

import HTTPTypes
import VarveFormat
import VarveStorage

/// What a path leads to.
enum StorageTarget: Equatable {
  case description
  case repository(String)
  case object(repository: String, name: String)
  case unknown

  static let objectMethods: [HTTPRequest.Method] = [.get, .head, .put, .delete, .post]

  /// What it can be asked for.
  var methods: [HTTPRequest.Method] {
    switch self {
    case .description: [.get, .head]
    case .repository: [.get, .head, .post]
    case .object: Self.objectMethods
    case .unknown: []
    }
  }

  /// - Throws: `Problem` 400 for a name that cannot be.
  init(path: Substring) throws {
    if path == "/openapi.yaml" {
      self = .description
      return
    }
    guard path.hasPrefix("/v1/") else {
      self = .unknown
      return
    }
    let rest = path.dropFirst(4)
    guard let slash = rest.firstIndex(of: "/") else {
      self = .unknown
      return
    }
    guard let repository = PercentEncoding.decode(rest[..<slash]),
      RepositoryName.isValid(repository)
    else { throw Problem(400, "that is no possible name of a repository") }
    let object = rest[rest.index(after: slash)...]
    if object.isEmpty {
      self = .repository(repository)
      return
    }
    guard let name = PercentEncoding.decode(object), StorageName.isValid(name) else {
      throw Problem(400, "that is no possible name of an object")
    }
    self = .object(repository: repository, name: name)
  }
}

/// What is asked of a list of objects.
struct ListQuery: Equatable {
  static let largestPage = 5_000

  var prefix: String
  var after: String?
  var limit = ListQuery.largestPage

  /// - Throws: `Problem` 400 for anything but `list`, `after` and `limit`, each at most once.
  init(query: Substring?) throws {
    var values: [String: String] = [:]
    for pair in (query ?? "").split(separator: "&", omittingEmptySubsequences: true) {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let value = parts.count == 2 ? parts[1] : ""
      guard let key = PercentEncoding.decode(parts[0]), let text = PercentEncoding.decode(value),
        ["list", "after", "limit"].contains(key)
      else { throw Problem(400, "the query has something other than list, after and limit") }
      guard values.updateValue(text, forKey: key) == nil else {
        throw Problem(400, "the query says \(key) twice")
      }
    }
    guard let list = values["list"] else {
      throw Problem(400, "the query must say which objects to list: list=<prefix>, or list=")
    }
    let directory = list.hasSuffix("/") ? String(list.dropLast()) : list
    guard list.isEmpty || StorageName.isValid(directory) else {
      throw Problem(400, "list is no possible beginning of object names")
    }
    prefix = directory
    if let after = values["after"] {
      guard StorageName.isValid(after) else {
        throw Problem(400, "after is no possible name of an object")
      }
      self.after = after
    }
    if let text = values["limit"] {
      guard let limit = Int(text), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
        (1...Self.largestPage).contains(limit)
      else { throw Problem(400, "limit is a number from 1 to \(Self.largestPage)") }
      self.limit = limit
    }
  }
}

/// Percent-encoding (RFC 3986, section 2.1).
enum PercentEncoding {
  /// nil for a percent sign without two hexadecimal digits, and for what is not UTF-8.
  static func decode(_ text: some StringProtocol) -> String? {
    guard text.utf8.contains(UInt8(ascii: "%")) else { return String(text) }
    return bytes(text).flatMap { String(validating: $0, as: UTF8.self) }
  }

  /// nil for a percent sign without two hexadecimal digits.
  static func bytes(_ text: some StringProtocol) -> [UInt8]? {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = rest.popFirst().flatMap(value), let low = rest.popFirst().flatMap(value)
      else { return nil }
      bytes.append(high << 4 | low)
    }
    return bytes
  }

  /// With everything encoded but letters, digits and `-._~/`.
  static func encode(_ bytes: some Sequence<UInt8>) -> String {
    var out = ""
    for byte in bytes {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "/"):
        out.unicodeScalars.append(Unicode.Scalar(byte))
      default: out += "%" + Hex.encode([byte]).uppercased()
      }
    }
    return out
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
