/// Names of variables and headers behind which a secret is to be expected.
enum SecretNames {
  private static let words = [
    "password", "passwd", "passphrase", "secret", "token", "apikey", "credential", "authorization",
    "cookie",
  ]

  static func mayBe(_ name: String) -> Bool {
    let plain = name.lowercased().filter { $0 != "_" && $0 != "-" }
    // The shell's own variables of these names are directories.
    guard plain != "pwd", plain != "oldpwd" else { return false }
    return words.contains { plain.contains($0) } || plain.hasSuffix("key")
      || plain.hasSuffix("pass") || plain.hasSuffix("pwd")
  }
}
