public import VarveFormat

/// What is fixed for a new repository's life, and how its first credential is made.
public struct InitOptions: Sendable {
  public var chunkSizes: RepositoryConfig.ChunkSizes
  /// Bytes up to which a pack is filled, within `RepositoryConfig.packSizes`.
  public var packSize: Int
  /// What the user calls the first credential.
  public var label: String
  public var passwordCost: PasswordCost

  public init(
    chunkSizes: RepositoryConfig.ChunkSizes = .standard,
    packSize: Int = RepositoryConfig.standardPackSize, label: String = "",
    passwordCost: PasswordCost = .standard
  ) {
    self.chunkSizes = chunkSizes
    self.packSize = packSize
    self.label = label
    self.passwordCost = passwordCost
  }
}
