import Testing

extension Workspace {
  var configurationFile: String { root + "/varve.yaml" }

  /// A configuration with the repository `main` and what else is said.
  func configure(_ yaml: String) throws {
    let credential =
      exists(ownerKeyFile) ? "key-file: \(ownerKeyFile)" : "password-file: \(passwordFile)"
    try write(
      "repositories:\n  main:\n    location: \(repository)\n    \(credential)\n" + yaml,
      to: configurationFile)
  }

  func runProfiles(_ arguments: String...) throws -> Outcome {
    try varve(["run", "--config", configurationFile] + arguments)
  }

  func startProfiles(_ arguments: String..., environment: [String: String] = [:]) throws
    -> RunningProcess
  {
    try RunningProcess(
      [Tools.varve, "run", "--config", configurationFile] + arguments,
      environment: self.environment.merging(environment) { $1 })
  }
}
