import VarveFormat
import VarveOperations
import VarveRepository

/// Adds a credential: a key file when one is to be made, else a password.
struct NewCredentialFlow {
  let keyFile: String?
  let password: NewPasswordOptions
  let cost: PasswordCostOption
  let role: Role
  let label: String

  /// The new credential's id.
  func run(in repository: UnlockedRepository) throws -> Digest {
    guard let keyFile else {
      let cost = try cost.cost() ?? .standard
      return try repository.addPassword(
        try password.password(), role: role, label: label, cost: cost)
    }
    let output = try KeyFileOutput(creating: keyFile)
    return try repository.addKeyFile(role: role, label: label) { try output.write($0) }.credential
  }
}

extension Console {
  /// Says that a removed credential's object is still there.
  func warnOfCredential(left repository: UnlockedRepository) {
    guard let failure = repository.credentialDeletionFailure else { return }
    warning("\(ByteText.printable(failure.description)); it opens nothing any more")
  }
}

/// Says that a credential was added.
struct KeyAdded {
  let id: Digest
  let role: Role
  let keyFile: String?
  /// Whether a key file opens it, also where none was made.
  var hasKeyFile = false
  var verb = "added"

  func print(on console: Console) throws {
    if console.isJSON {
      try console.json {
        $0.member("message_type", "key_added")
        $0.member("id", id.hex)
        $0.member("role", role.rawValue)
        if let keyFile { $0.member("key_file", bytes: RawArgument.bytes(keyFile)) }
      }
    } else if !console.isQuiet {
      let what = hasKeyFile || keyFile != nil ? "key file" : "password"
      try console.line("\(verb) \(what) \(id.hex.prefix(8)), role \(role.rawValue)")
    }
  }
}
