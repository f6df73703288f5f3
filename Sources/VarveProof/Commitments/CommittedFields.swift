public import VarveFormat

extension ProofRootBuilder {
  /// Adds the next entry, whose committed fields the encoder or `CommitmentFields(body:)` has found.
  public mutating func add(body: UnsafeRawBufferPointer, fields: CommitmentFields) {
    let content: CommittedContent =
      switch fields.content {
      case .file(let size, let digest): .file(size: size, digest: digest)
      case .directory(let count, let root): .directory(entryCount: count, root: root)
      case .link(let target): .link(target: UnsafeRawBufferPointer(rebasing: body[target]))
      case .device(let major, let minor): .device(major: major, minor: minor)
      case .none: .nothing
      }
    add(
      body: body, name: UnsafeRawBufferPointer(rebasing: body[fields.name]),
      meta: UnsafeRawBufferPointer(rebasing: body[fields.meta]), content: content)
  }
}
