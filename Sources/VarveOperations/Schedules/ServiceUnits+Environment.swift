import VarveRemoteStorage

extension ServiceUnits {
  /// Who starts it.
  package enum Manager {
    case systemd
    case cron
  }

  /// What the configuration and its stores take from the environment of who asks, and would not find in that of `manager`.
  ///
  /// - Parameters:
  ///   - asked: names that values of the configuration ask for.
  ///   - present: names that are set here. What is not set here cannot have been meant.
  ///   - filed: names that the file of variables has.
  /// - Returns: names, in order.
  package func missingVariables(
    asked: Set<String>, present: Set<String>, filed: Set<String>, under manager: Manager
  ) -> [String] {
    var needed = asked
    let repositories = configuration.repositories.values
    if repositories.contains(where: { $0.location.hasPrefix("s3:") }) {
      needed.formUnion(present.filter { $0.hasPrefix("AWS_") })
    }
    let needsToken = repositories.contains {
      ServerLocation.describes($0.location) && $0.storage.serverTokenFile == nil
    }
    if needsToken { needed.insert("VARVE_SERVER_TOKEN") }
    return needed.intersection(present).subtracting(filed).subtracting(given(by: manager)).sorted()
  }

  private func given(by manager: Manager) -> Set<String> {
    var names = Set(environment.keys).union(["PATH"])
    // systemd tells a service of root nothing of root.
    if manager == .cron || isForUser || user != nil {
      names.formUnion(["HOME", "LOGNAME", "SHELL", "USER"])
    }
    return names
  }
}
