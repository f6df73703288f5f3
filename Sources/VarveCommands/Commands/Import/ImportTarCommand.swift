import ArgumentParser
import Glibc
import Varve
import VarveFormat
import VarveOperations
import VarveRepository

struct ImportTarCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "tar",
    abstract: "Make a snapshot of each tar archive.",
    usage: "varve import tar [<options>] <file> ...",
    discussion: """
      The members become a tree, as if the directory that was archived had been backed up: years of \
      nightly archives take little more than what changed, and any file of them can be restored. \
      Archives may be plain, or compressed by gzip or zstd; - is standard input. Names are taken \
      relative, those with .. are refused, of several members of one name the last counts. What a \
      snapshot cannot have is named, and the exit code is 3. An archive that is damaged or breaks off \
      gives no snapshot; the others are imported all the same.

      The snapshot's time is that of the file's last change, unless --time or --time-from-name says \
      otherwise; its metadata has the archive's name and SHA-256.

      Examples:
        varve import tar nightly/*.tar.gz --as-path /srv/app --host app1
        varve import tar app-20260301.tar.zst --time-from-name 'app-%Y%m%d.tar.zst'
        docker export shop | varve import tar - --as-path /shop --tag container
        xz -dc old.tar.xz | varve import tar - --time '2019-04-01 02:00'
      """)

  @Argument(help: ArgumentHelp("The archives; - for standard input.", valueName: "file"))
  var files: [RawArgument]

  @OptionGroup(title: "What to record") var recording: RecordOptions

  @Option(
    help: ArgumentHelp(
      "Take the time from the file's name: %Y %m %d %H %M %S for its parts (local time), %s for seconds since 1970, * for anything.",
      valueName: "pattern"))
  var timeFromName: String?

  @Flag(help: "Store access times, too, where the archive has them.")
  var withAtime = false

  @Flag(name: [.customShort("n"), .long], help: "Read and compare, but store nothing.")
  var dryRun = false

  @Flag(help: "Make no snapshot when nothing differs from the newest of the same host and path.")
  var skipIfUnchanged = false

  @Option(help: ArgumentHelp("How hard to compress.", valueName: "level"))
  var compression: CompressionArgument = .auto

  @OptionGroup var global: GlobalOptions

  mutating func validate() throws {
    guard timeFromName == nil || recording.time == nil else {
      throw ValidationError("--time and --time-from-name exclude each other.")
    }
    if files.filter({ $0.bytes == [0x2d] }).count > 1 {
      throw ValidationError("Standard input can be read only once.")
    }
  }

  func execute(on console: Console) throws -> ExitStatus {
    let pattern = try timeFromName.map { try NameTime(pattern: $0) }
    // All of them before the first is stored.
    let times = try files.map { try time(of: $0.bytes, pattern) }
    var repository = try RepositoryAccess(global, console).indexed(
      for: [.owner, .writer], to: "make snapshots")
    var status = ExitStatus.success
    var failures = 0
    for (index, file) in files.enumerated() {
      if index > 0 {
        try repository.log.refresh()
        repository = try IndexedRepository(repository.unlocked)
      }
      do {
        let report = try importArchive(file.bytes, time: times[index], into: repository, console)
        if !report.problems.isEmpty { status = .incomplete }
      } catch let error as VarveError where error.code == .io && files.count > 1 {
        console.problem(item: file.bytes, during: "archival", error.message)
        failures += 1
      }
    }
    guard failures == 0 else {
      throw VarveError(
        .io, "\(failures) of \(HumanText.count(files.count, "archive")) could not be imported",
        hint: "see the messages above; the others were")
    }
    return status
  }

  private func importArchive(
    _ file: [UInt8], time: Timestamp?, into repository: IndexedRepository, _ console: Console
  ) throws -> BackupReport {
    let isStandardInput = file == [0x2d]
    let prefix = recording.asPath.map { SnapshotPath($0.bytes) } ?? .root
    var options = BackupOptions(
      source: .assembled(.tarArchive(at: isStandardInput ? nil : file, prefix: prefix)))
    try recording.apply(to: &options)
    options.time = time
    options.withAtime = withAtime
    options.dryRun = dryRun
    options.skipIfUnchanged = skipIfUnchanged
    options.compression = compression.level
    if !isStandardInput, options.meta["archive"] == nil {
      let name = file.split(separator: UInt8(ascii: "/")).last.map(Array.init) ?? file
      options.meta["archive"] = ByteText.printable(name)
    }
    console.note("importing \(ByteText.printable(file))")
    return try BackupDisplay(console).show(repository, options)
  }

  private func time(of file: [UInt8], _ pattern: NameTime?) throws -> Timestamp? {
    if let time = recording.time { return time.timestamp }
    if let pattern {
      let name = file.split(separator: UInt8(ascii: "/")).last.map(Array.init) ?? file
      guard let time = pattern.time(in: name) else {
        throw VarveError(
          .usage, "\(ByteText.printable(file)) has no time where --time-from-name looks for it",
          hint: "the pattern is for the whole name without its directory; * stands for anything")
      }
      return time
    }
    guard file != [0x2d] else { return nil }
    var status = stat()
    let path = file.map { CChar(bitPattern: $0) } + [0]
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    return Timestamp(
      seconds: Int64(status.st_mtim.tv_sec), nanoseconds: UInt32(status.st_mtim.tv_nsec))
  }
}
