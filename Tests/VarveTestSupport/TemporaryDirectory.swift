import Glibc

/// A directory for one test, removed with all that is in it when the last reference goes.
public final class TemporaryDirectory: Sendable {
  public let path: String

  /// - Parameter parent: where to make it; nil for where temporary files go.
  public init(_ purpose: String = "varve-test", in parent: String? = nil) {
    let root = parent ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(root)/\(purpose)-XXXXXX".utf8CString)
    precondition(mkdtemp(&template) != nil, "no temporary directory for a test")
    path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }

  public func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }

  deinit {
    // nftw would need a C function; rm also copes with names that are no text and with deep trees.
    var child = pid_t()
    let arguments = ["rm", "-rf", "--", path]
    var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    if posix_spawnp(&child, "rm", nil, nil, &pointers, environ) == 0 {
      var status: Int32 = 0
      waitpid(child, &status, 0)
    }
    for pointer in pointers { free(pointer) }
  }
}
