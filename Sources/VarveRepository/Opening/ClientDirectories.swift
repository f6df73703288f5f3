import Glibc

/// Where this client keeps what it knows of repositories.
public struct ClientDirectories: Equatable, Sendable {
  /// For what can be made again; nil to keep nothing.
  public var cache: String?
  /// For the last verified head of each repository, without which no rollback can be noticed.
  public var state: String

  public init(cache: String?, state: String) {
    self.cache = cache
    self.state = state
  }

  /// Whether nothing is remembered of any repository.
  var isNew: Bool {
    guard let directory = opendir(state) else { return true }
    defer { closedir(directory) }
    var count = 0
    // Beside itself and its parent.
    while readdir(directory) != nil { count += 1 }
    return count <= 2
  }

  /// `varve` in the directories of the XDG Base Directory Specification.
  ///
  /// - Returns: nil when neither the XDG variables nor `HOME` say where they are.
  public static func standard(environment: [String: String]) -> ClientDirectories? {
    func directory(_ variable: String, _ fallback: String) -> String? {
      // The specification has relative paths ignored.
      if let path = environment[variable], path.hasPrefix("/") { return path + "/varve" }
      guard let home = environment["HOME"], home.hasPrefix("/") else { return nil }
      return "\(home)/\(fallback)/varve"
    }
    guard let state = directory("XDG_STATE_HOME", ".local/state") else { return nil }
    return ClientDirectories(cache: directory("XDG_CACHE_HOME", ".cache"), state: state)
  }
}
