import ArgumentParser
import VarveOperations
import VarveServer

/// How many bytes each repository may have (`200G`), or a certain one (`web=50G`).
package struct QuotaArgument: ExpressibleByArgument, Hashable, Sendable {
  /// nil for each that is not named.
  package let repository: String?
  package let bytes: Int64

  package init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard let size = parts.last.flatMap({ ByteSize(String($0)) }) else { return nil }
    if parts.count == 2 {
      let name = String(parts[0])
      guard RepositoryName.isValid(name) else { return nil }
      repository = name
    } else {
      repository = nil
    }
    bytes = Int64(clamping: size.bytes)
  }
}
