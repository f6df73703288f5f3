import ArgumentParser
import VarveCrypto
import VarveFormat
import VarveOperations
import VarveRepository

/// Whose time stamps count.
struct TimeTrustOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Certificates (PEM) of time-stamping authorities whose tokens count. (environment: VARVE_TSA_CA)",
      valueName: "file"))
  var tsaCa: String?

  func authorities(_ environment: ProcessEnvironment = .current) throws -> TimestampAuthorities? {
    try (tsaCa ?? environment["VARVE_TSA_CA"]).map(TimestampAuthorities.file)
  }

  /// With the witness policy of the global options; nobody's word counts where neither is said.
  func trustIfAny(_ access: RepositoryAccess) throws -> TimeTrust {
    TimeTrust(policy: try access.witnessPolicy(), authorities: try authorities())
  }

  /// The same where it has to be said.
  func trust(_ access: RepositoryAccess) throws -> TimeTrust {
    let trust = try trustIfAny(access)
    guard !trust.isEmpty else {
      throw VarveError(
        .usage, "whose time stamps count is not said",
        hint: "give --witness-policy, --tsa-ca or both")
    }
    return trust
  }
}
