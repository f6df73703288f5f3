import VarveFormat

/// A page of ListObjectsV2.
package struct S3Listing: Equatable {
  package struct Object: Equatable {
    package let key: String
    package let size: UInt64
  }

  package let objects: [Object]
  /// Where the next page begins; nil on the last one.
  package let continuation: String?

  /// - Parameter what: names the page in errors.
  /// - Throws: `VarveError.Code.io` for what is no such page. O(n).
  package init(_ bytes: [UInt8], _ what: String) throws {
    let document = try S3Document(bytes, what)
    func fail(_ reason: String) -> VarveError {
      VarveError(.io, "\(what) makes no sense: \(reason)")
    }
    guard document.name == "ListBucketResult" else {
      throw fail("it is not called ListBucketResult")
    }
    let isEncoded: Bool
    switch document.text("EncodingType") {
    case nil, "": isEncoded = false
    case "url": isEncoded = true
    default: throw fail("its keys are encoded in an unknown way")
    }
    objects = try document.children.filter { $0.name == "Contents" }.map { item in
      guard let text = item.text("Key"), let size = item.text("Size").flatMap({ UInt64($0) }),
        let key = isEncoded ? PercentEncoding.decode(text) : text
      else { throw fail("an object has no key or no size") }
      return Object(key: key, size: size)
    }
    switch document.text("IsTruncated") {
    case "true":
      guard let token = document.text("NextContinuationToken"), !token.isEmpty else {
        throw fail("it is not the last page and does not say where the next begins")
      }
      continuation = token
    case "false", nil: continuation = nil
    default: throw fail("it does not say whether it is the last page")
    }
  }
}
