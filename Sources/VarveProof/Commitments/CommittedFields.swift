public import VarveFormat

extension ProofRootBuilder {
  /// Adds the next entry, whose committed fields the encoder or `CommitmentFields(body:)` has found.
  public mutating func add(body: UnsafeRawBufferPointer, fields: CommitmentFields) {
    add(
      body: body, name: UnsafeRawBufferPointer(rebasing: body[fields.name]),
      meta: UnsafeRawBufferPointer(rebasing: body[fields.meta]),
      content: CommittedContent(fields.content, of: body))
  }
}

extension EntryCommitment {
  /// The RFC 6962 hash of the leaf of the entry with that body and these fields.
  public func leafHash(of body: UnsafeRawBufferPointer, fields: CommitmentFields) -> Digest {
    leafHash(
      name: UnsafeRawBufferPointer(rebasing: body[fields.name]),
      meta: UnsafeRawBufferPointer(rebasing: body[fields.meta]),
      content: CommittedContent(fields.content, of: body))
  }
}

extension CommittedContent {
  fileprivate init(_ content: CommitmentFields.Content, of body: UnsafeRawBufferPointer) {
    self =
      switch content {
      case .file(let size, let digest): .file(size: size, digest: digest)
      case .directory(let count, let root): .directory(entryCount: count, root: root)
      case .link(let target): .link(target: UnsafeRawBufferPointer(rebasing: body[target]))
      case .device(let major, let minor): .device(major: major, minor: minor)
      case .none: .nothing
      }
  }
}
