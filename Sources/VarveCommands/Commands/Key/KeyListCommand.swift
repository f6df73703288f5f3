import ArgumentParser
import VarveFormat
import VarveRepository

struct KeyListCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List passwords and key files; the one in use has a star.",
    usage: "varve key list [<options>]")

  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let credentials = try RepositoryAccess(global, console).unlocked().listCredentials()
    if console.isJSON {
      var writer = JSONWriter()
      writer.array { writer in
        for credential in credentials { Self.members(credential, into: &writer) }
      }
      writer.endLine()
      try console.write(writer.bytes)
      return .success
    }
    var table = TextTable([
      (" ID", .left), ("Kind", .left), ("Role", .left), ("Created", .left), ("Label", .left),
    ])
    for credential in credentials {
      table.add([
        (credential.isCurrent ? "*" : " ") + credential.id.hex.prefix(8),
        credential.kind?.rawValue ?? "unreadable", credential.role.rawValue,
        credential.created.map { EntryText.shortTime(WallClock.local(seconds: $0.seconds)) } ?? "",
        ByteText.printable(credential.label ?? ""),
      ])
    }
    for line in table.lines() { try console.line(line) }
    for credential in credentials {
      if let problem = credential.problem {
        console.warning("\(ObjectName.credential(credential.id)): \(problem.message)")
      }
    }
    return .success
  }

  private static func members(_ credential: CredentialSummary, into writer: inout JSONWriter) {
    writer.object {
      $0.member("current", credential.isCurrent)
      $0.member("id", credential.id.hex)
      if let kind = credential.kind { $0.member("kind", kind.rawValue) }
      $0.member("role", credential.role.rawValue)
      if let label = credential.label { $0.member("label", label) }
      if let created = credential.created { $0.member("created", created.utcSeconds) }
      $0.member("author", credential.author.text)
      if let problem = credential.problem { $0.member("problem", problem.message) }
    }
  }
}
