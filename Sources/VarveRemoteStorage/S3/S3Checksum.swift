import VarveCrypto
import VarveFormat

extension S3Storage.Checksum {
  /// The header of an object or part with these bytes. O(n).
  func headers(_ bytes: UnsafeRawBufferPointer) -> [(name: String, value: String)] {
    guard let header, let value = value(bytes) else { return [] }
    guard let algorithm else { return [(header, value)] }
    return [(header, value), ("x-amz-sdk-checksum-algorithm", algorithm)]
  }

  /// What an upload in parts has to say before its first part.
  var multipartHeaders: [(name: String, value: String)] {
    guard let algorithm else { return [] }
    let type = self == .crc64nvme ? "FULL_OBJECT" : "COMPOSITE"
    return [("x-amz-checksum-algorithm", algorithm), ("x-amz-checksum-type", type)]
  }

  /// What stands for a part when an upload is completed; empty for those that the service does not ask for.
  func element(_ bytes: UnsafeRawBufferPointer) -> String {
    guard let algorithm, let value = value(bytes) else { return "" }
    return "<Checksum\(algorithm)>\(value)</Checksum\(algorithm)>"
  }

  /// As the protocol names it; MD5 is older than these names.
  private var algorithm: String? {
    switch self {
    case .none, .md5: nil
    case .sha256: "SHA256"
    case .crc32c: "CRC32C"
    case .crc64nvme: "CRC64NVME"
    }
  }

  private var header: String? {
    switch self {
    case .none: nil
    case .md5: "content-md5"
    case .sha256: "x-amz-checksum-sha256"
    case .crc32c: "x-amz-checksum-crc32c"
    case .crc64nvme: "x-amz-checksum-crc64nvme"
    }
  }

  /// In Base64, numbers with the highest byte first.
  private func value(_ bytes: UnsafeRawBufferPointer) -> String? {
    switch self {
    case .none: nil
    case .md5: Base64.encode(MD5.digest(bytes))
    case .sha256: Base64.encode(SHA256.digest(bytes).bytes)
    case .crc32c:
      Base64.encode(
        Self.bigEndian(CyclicRedundancyCheck.crc32c.value(of: bytes), byteCount: 4))
    case .crc64nvme:
      Base64.encode(
        Self.bigEndian(CyclicRedundancyCheck.crc64nvme.value(of: bytes), byteCount: 8))
    }
  }

  private static func bigEndian(_ number: UInt64, byteCount: Int) -> [UInt8] {
    (0..<byteCount).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * (byteCount - 1 - $0))) }
  }
}
