import ArgumentParser
import Glibc
import Varve
import VarveFormat
import VarveOperations
import VarveRepository

struct DumpCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "dump",
    abstract: "Write a file, or a directory as a tar archive, to standard output.",
    usage: "varve dump [<options>] <snapshot[:path]> <path>",
    discussion: """
      Every chunk is verified before it is written. A directory comes as a tar stream in the pax \
      format, with extended attributes, ACLs, hard links and holes as GNU tar reads them.

      Examples:
        varve dump latest /etc/passwd
        varve dump latest~3 /var/lib/app/db.sqlite --target /tmp/db.sqlite
        varve dump latest /srv/data | tar -xpf - -C /mnt
        varve dump latest:/srv/data / --archive tar | zstd > data.tar.zst
      """)

  @Argument(
    help: ArgumentHelp(
      "ID, latest or latest~N; :path for a part.",
      valueName: "snapshot[:path]"))
  var snapshot: RawArgument

  @Argument(help: ArgumentHelp("The file or directory in it.", valueName: "path"))
  var path: RawArgument

  @Option(
    name: [.short, .long],
    help: ArgumentHelp(
      "The format for a directory; a file becomes an archive of one file.", valueName: "tar"))
  var archive: ArchiveArgument?

  @Option(
    name: [.short, .long],
    help: ArgumentHelp("Write to this file instead.", valueName: "file"))
  var target: RawArgument?

  @OptionGroup var filter: SnapshotFilterOptions
  @OptionGroup var global: GlobalOptions

  enum ArchiveArgument: String, ExpressibleByArgument, CaseIterable { case tar }

  func execute(on console: Console) throws -> ExitStatus {
    let repository = try RepositoryAccess(global, console).readable()
    let found = try SnapshotAccess(repository.unlocked, filter, on: console)
      .snapshot(named: snapshot.bytes)
    let place = SnapshotPath(
      components: found.path.components + SnapshotPath(path.bytes).components)
    let dump = Dump(found.record, cancellation: Interruption.flag) { try repository.makeReader() }
    let isFile = try archive == nil && dump.form(of: place) == .fileContent
    if target == nil && !isFile && console.output.isTerminal {
      throw VarveError(
        .usage, "a tar archive is not written to a terminal",
        hint: "redirect standard output, or give --target")
    }
    try withOutput { output in
      if isFile {
        try dump.writeFile(at: place, to: output)
      } else {
        try dump.writeTar(at: place, relativeTo: found.path, to: output)
      }
    }
    return .success
  }

  private func withOutput(_ body: (DescriptorOutput) throws -> Void) throws {
    guard let target else {
      let output = DescriptorOutput(descriptor: 1, name: "standard output")
      try body(output)
      return try output.flush()
    }
    let name = ByteText.printable(target.bytes)
    let path = target.bytes.map { CChar(bitPattern: $0) } + [0]
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else {
      throw VarveError(.io, "cannot write \(name): \(String(cString: strerror(errno)))")
    }
    defer { close(file) }
    let output = DescriptorOutput(descriptor: file, name: name)
    try body(output)
    try output.flush()
  }
}
