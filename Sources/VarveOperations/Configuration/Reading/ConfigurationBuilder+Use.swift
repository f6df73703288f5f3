// What is refused where it would be used, found when the configuration is read: by the parsers of those who use it. Messages
// have no values of headers, and no URLs: they may be secrets.

import VarveFormat
import VarveRemoteStorage

extension ConfigurationBuilder {
  /// Says that a node's URL cannot be asked.
  mutating func requireURL(_ node: YAMLNode, _ text: String) {
    guard isFilled(node), !HTTPForm.isURL(text) else { return }
    wrong(node.position, "this is no URL that can be asked: its host or its port is none")
  }

  mutating func require(header: YAMLEntry) {
    if !HTTPForm.isHeaderName(header.key) {
      wrong(header.position, "'\(ByteText.printable(header.key))' is no name of a header")
    }
    let value = header.value
    guard isFilled(value), !HTTPForm.isHeaderValue(value.scalar?.text ?? "") else { return }
    wrong(
      value.position,
      "the value of the header \(ByteText.printable(header.key)) has a line end or another control character"
    )
  }

  /// Of one address, or of a list of them.
  mutating func requireAddresses(_ node: YAMLNode?) {
    guard let node else { return }
    for element in node.isSequence ? node.elements : [node] where isFilled(element) {
      guard let text = element.scalar?.text else { continue }
      do { _ = try MailMessage.mailbox(text) } catch {
        wrong(element.position, message(error))
      }
    }
  }

  /// Says that a location names no store.
  mutating func require(location: String, at node: YAMLNode) {
    do { try StorageOpening.checkLocation(location) } catch {
      wrong(node.position, message(error))
    }
  }

  /// Says that an option is none of a store at this place, or has no such value.
  mutating func require(_ option: YAMLEntry, isOptionOf location: String) {
    guard isFilled(option.value) else { return }
    do {
      try StorageOpening.checkOption(
        option.key, option.value.scalar?.text ?? "", of: location)
    } catch {
      wrong(option.position, message(error))
    }
  }

  /// Whether the environment had what a value asks for; of another one nothing can be said.
  func isFilled(_ node: YAMLNode) -> Bool { node.scalar?.isUnfilled != true }

  private func message(_ error: any Error) -> String {
    guard let error = error as? VarveError else { return "\(error)" }
    return error.message + (error.hint.map { "; \($0)" } ?? "")
  }
}
