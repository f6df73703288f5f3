/// What a file proof tells beside size and digest.
public struct FileProofOptions: Sendable, Equatable {
  /// The path in the snapshot.
  public var disclosesPath = false
  /// Mode, owner, times and extended attributes of the file.
  public var disclosesMetadata = false
  /// Where the content lies in the repository, and the keys of its blocks.
  public var releasesContent = false
  /// Also of blocks that hold content of other files.
  public var releasesSharedBlocks = false

  public init() {}
}
