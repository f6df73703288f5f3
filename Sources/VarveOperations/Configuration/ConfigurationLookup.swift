import VarveFormat

extension Configuration {
  /// The profile of a name that somebody has typed.
  ///
  /// - Throws: `.notFound`, with the names there are.
  public func profile(_ name: String) throws -> Profile {
    guard let profile = profiles[name] else {
      throw VarveError(
        .notFound, "there is no profile \(ByteText.printable(name))",
        hint: profiles.isEmpty
          ? "the file declares none" : "there are \(profiles.keys.sorted().joined(separator: ", "))"
      )
    }
    return profile
  }

  /// One of a profile's repositories, the first when none is named.
  ///
  /// - Throws: `.usage` for one that it does not have.
  public func repository(_ name: String?, of profile: Profile) throws -> RepositorySettings {
    if let name, !profile.repositories.contains(name) {
      throw VarveError(
        .usage, "the profile \(profile.name) has no repository \(ByteText.printable(name))",
        hint: "it has \(profile.repositories.joined(separator: ", "))")
    }
    guard let name = name ?? profile.repositories.first, let settings = repositories[name] else {
      throw VarveError(
        .usage, "the profile \(profile.name) has no repository", hint: "name one in its file")
    }
    return settings
  }
}
