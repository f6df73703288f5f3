/// What an operator's file says about repositories, what is backed up into them, when, and what is
/// done with it (docs/configuration.md). Values have been checked: names that are referred to exist.
public struct Configuration: Sendable {
  /// By name, as are all of these.
  public var repositories: [String: RepositorySettings] = [:]
  public var profiles: [String: Profile] = [:]
  public var notifications: [String: NotificationTarget] = [:]
  /// Where a Prometheus text file is kept up to date, if anywhere.
  public var metricsFile: String?
  /// Where the journal and what is known of logs are kept; nil for where the environment says.
  public var stateDirectory: String?
  /// Where caches are kept, of repositories that do not say themselves; nil for where the environment says.
  public var cacheDirectory: String?
  /// The operator's service, if there is to be one.
  public var service: ServiceSettings?

  public init() {}
}

/// A repository and how it is opened.
public struct RepositorySettings: Sendable {
  public enum Credential: Sendable, Equatable {
    case passwordFile(String)
    case passwordCommand(String)
    case keyFile(String)
  }

  public var name: String
  /// What `--repo` takes.
  public var location: String
  /// Nil: what needs no key is all that can be done.
  public var credential: Credential?
  public var storage = StorageSettings()
  /// A directory; nil for the standard one.
  public var cacheDirectory: String?
  /// Believe the log only with the cosignatures of a quorum of these witnesses.
  public var witnessPolicyFile: String?
  /// Seconds; nil for cosignatures of any age. Without a witness policy it says nothing.
  public var maximumCosignatureAge: Int64?
  /// Certificates of time-stamping authorities that are believed.
  public var timestampAuthorities: String?
  /// After so many seconds without a `check` that read data the repository counts as unverified.
  public var maximumUnverifiedAge: Int64?
  public var maintenance = Maintenance()
  /// Names of notifications that hear of its maintenance; none: those of the profiles that use it hear of failures.
  public var notify: [String] = []

  public init(name: String, location: String) {
    self.name = name
    self.location = location
  }
}

/// How a store is reached: what `--connections` and its like say.
public struct StorageSettings: Sendable, Equatable {
  public var connections: Int?
  /// Bytes a second.
  public var uploadLimit: Int?
  public var downloadLimit: Int?
  /// Seconds.
  public var retryLimit: Double?
  /// A file of certificates (PEM) that take the place of the system's authorities.
  public var authorities: String?
  public var serverTokenFile: String?
  /// What `--option` gives, by its whole name, such as `s3.region`.
  public var special: [String: String] = [:]

  public init() {}
}

/// What is done with a repository as a whole, by hosts whose credential may.
public struct Maintenance: Sendable, Equatable {
  /// Forgetting by the policies in force.
  public var forget: Schedule?
  public var prune: Schedule?
  public var check: Schedule?
  /// What `check --read-data-subset` takes; nil to read no data.
  public var readDataSubset: String?

  public init() {}
}

/// Where the operator's service listens, and who may ask it (docs/configuration.md).
public struct ServiceSettings: Sendable, Equatable {
  /// What `varve serve --listen` takes.
  public var listen: String
  public var certificateFile: String?
  public var keyFile: String?
  /// A file of tokens for the admin interface and the pages; nil is allowed on loopback only.
  public var tokenFile: String?

  public init(listen: String) { self.listen = listen }
}
