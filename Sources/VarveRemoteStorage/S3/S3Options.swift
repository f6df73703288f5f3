import VarveCrypto
import VarveFormat
public import VarveStorage

extension S3Storage {
  /// How a bucket is named in requests.
  public enum Addressing: String, Sendable, CaseIterable {
    /// `bucket.host` where the service is AWS and the bucket can be one label of a host's name; `path` otherwise.
    case auto
    case path
    case virtualHost = "virtual-host"
  }

  /// What is sent along with an object besides the SHA-256 that its request is signed with.
  public enum Checksum: String, Sendable, CaseIterable {
    case none
    case md5
    case sha256
    case crc32c
    case crc64nvme
  }

  /// How long the service is to keep what is stored from being removed or replaced (S3 Object Lock).
  public struct Retention: Sendable, Equatable {
    public enum Mode: String, Sendable, CaseIterable {
      /// Whoever has the right to may shorten it.
      case governance
      /// Nobody may, the account's owner included.
      case compliance
    }

    public var mode: Mode
    public var days: Int

    /// - Throws: `VarveError.Code.usage` unless there are 1 to 36,500 days, which is what S3 takes.
    public init(_ mode: Mode, days: Int) throws {
      guard (1...36_500).contains(days) else {
        throw VarveError(.usage, "a retention of \(days) days is not possible: 1 to 36500 are")
      }
      self.mode = mode
      self.days = days
    }

    var seconds: Int64 { Int64(days) * 86_400 }
  }

  public struct Options: Sendable {
    /// Nil for the one of the environment, the profile or the host; "us-east-1" where nobody says.
    public var region: String?
    public var addressing = Addressing.auto
    /// Of data packs, such as `STANDARD_IA` or `GLACIER_IR`; all else is read often, and stays in the bucket's own.
    public var storageClass: String?
    public var checksum = Checksum.none
    public var retention: Retention?
    /// Content is created, never replaced, so that a bucket's policy may demand it.
    public var addsOnly = false
    /// Larger objects, in bytes, are stored in parts of this size; at least 5 MiB.
    public var multipartSize = 100 << 20
    public var exchange = HTTPExchange.Options()
    /// For what is asked in several requests: the pages of a list, the parts of an object.
    public var retry = RetryPolicy()
    /// Objects that one listing may have.
    package var mostEntries = 50_000_000
    /// Pages of a list without an object, one after the other: versions that were removed may fill some.
    package var mostEmptyPages = 10_000

    public init() {}

    /// Sets an option by the name that users give it.
    ///
    /// - Throws: `VarveError.Code.usage` for a name that there is not, and a value that it cannot have.
    public mutating func set(_ name: String, to value: String) throws {
      func choice<Choice: RawRepresentable & CaseIterable>() throws -> Choice
      where Choice.RawValue == String {
        guard let found = Choice(rawValue: value) else {
          throw VarveError(
            .usage, "'\(ByteText.printable(value))' is no value of the option \(name)",
            hint: "one of \(Choice.allCases.map(\.rawValue).joined(separator: ", ")) is")
        }
        return found
      }
      switch name {
      case "region": region = value
      case "addressing": addressing = try choice()
      case "storage-class": storageClass = value
      case "checksum": checksum = try choice()
      case "retention":
        let parts = value.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let mode = Retention.Mode(rawValue: String(parts[0])),
          let days = Int(parts[1])
        else {
          throw VarveError(
            .usage, "'\(ByteText.printable(value))' is no retention",
            hint: "write governance:30 or compliance:30, in days")
        }
        retention = try Retention(mode, days: days)
      case "adds-only":
        guard value == "true" || value == "false" else {
          throw VarveError(.usage, "the option adds-only is true or false")
        }
        addsOnly = value == "true"
      default:
        throw VarveError(
          .usage, "S3 has no option '\(ByteText.printable(name))'",
          hint: "it has region, addressing, storage-class, checksum, retention and adds-only")
      }
      try validate()
    }

    /// - Throws: `VarveError.Code.usage` for what no header can have.
    func validate() throws {
      if let storageClass {
        let isWord = storageClass.utf8.allSatisfy { byte in
          switch byte {
          case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
          default: false
          }
        }
        guard isWord, !storageClass.isEmpty else {
          throw VarveError(
            .usage, "'\(ByteText.printable(storageClass))' is no storage class",
            hint: "STANDARD_IA and GLACIER_IR are some of AWS")
        }
      }
      if let region, !S3Region.isValid(region) {
        throw VarveError(
          .usage, "'\(ByteText.printable(region))' is no region", hint: "eu-central-1 is one of AWS"
        )
      }
    }
  }
}

/// The names of regions.
enum S3Region {
  static let usual = "us-east-1"

  /// Letters, digits and hyphens, at most 63: what can be a label of a host's name.
  static func isValid(_ text: String) -> Bool {
    (1...63).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
          UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"), UInt8(ascii: "_"):
          true
        default: false
        }
      }
  }
}
