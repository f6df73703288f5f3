// The documents of this host's drills: DIRECTORY/<id>/ with the files of DrillDocument, the newest 200.

import CVarveLinux
import Glibc
import Varve
import VarveFormat
public import VarveRepository

/// Keeps the documents of drills.
public struct DrillStore: Sendable {
  private static let keptCount = 200

  private let directory: String

  /// - Parameter directory: made when it is needed.
  public init(directory: String) { self.directory = directory }

  /// Below the directory for a client's state.
  public init(client: ClientDirectories) { self.init(directory: client.state + "/drills") }

  /// - Throws: `.io`.
  public func keep(_ document: DrillDocument) throws {
    try FileWriting.makeDirectory(directory, mode: 0o700)
    try Self.write(document, to: directory + "/" + document.record.id)
    let ids = try self.ids()
    guard ids.count > Self.keptCount else { return }
    let byAge = ids.map { (id: $0, time: modified($0)) }.sorted { $0.time < $1.time }
    for old in byAge.dropLast(Self.keptCount) {
      try TreeRemoval.remove(directory + "/" + old.id)
    }
  }

  /// Writes the files of a document into a directory, which is made when it is not there.
  ///
  /// - Throws: `.io`.
  public static func write(_ document: DrillDocument, to directory: String) throws {
    try FileWriting.makeDirectory(directory, mode: 0o700)
    for file in document.files {
      try FileWriting.replace(directory + "/" + file.name, with: file.bytes)
    }
  }

  /// The drill whose id begins so.
  ///
  /// - Throws: `.notFound` when there is none, or several; `.damaged`, `.io`.
  public func document(_ prefix: String) throws -> DrillDocument {
    let matches = try ids().filter { $0.hasPrefix(prefix) }
    guard let id = matches.first, matches.count == 1, !prefix.isEmpty else {
      throw VarveError(
        .notFound,
        matches.isEmpty
          ? "this host has no documents of a drill \(ByteText.printable(prefix))"
          : "\(ByteText.printable(prefix)) begins the ids of \(matches.count) drills",
        hint: "see 'varve drill trend', and 'varve receipt list' for drills of other hosts")
    }
    return try document(in: directory + "/" + id)
  }

  /// The documents that are kept, by when the drills began; what cannot be read is passed over.
  public func documents() throws -> [DrillDocument] {
    try ids().compactMap { try? document(in: directory + "/" + $0) }
      .sorted { $0.record.started < $1.record.started }
  }

  private func document(in path: String) throws -> DrillDocument {
    let name = path + "/" + DrillDocument.recordName
    guard let bytes = try FileWriting.read(name) else {
      throw VarveError(.notFound, "there is no \(name)")
    }
    let record = try DrillRecord(bytes, name)
    var receipt: (index: UInt64, bytes: [UInt8])?
    if let bytes = try FileWriting.read(path + "/" + DrillDocument.receiptName) {
      let entry = try JSONValue(canonical: bytes, DrillDocument.receiptName)
      let payload = try JSONValue(canonical: try entry.base64("payload"), "the receipt")
      receipt = (try payload.member("predicate").member("log").count("index"), bytes)
    }
    return DrillDocument(
      record: record, receipt: receipt,
      logProof: try FileWriting.read(path + "/" + DrillDocument.logProofName))
  }

  private func ids() throws -> [String] {
    guard let stream = opendir(directory) else {
      if errno == ENOENT { return [] }
      throw VarveError(.io, "cannot read \(directory): \(String(cString: strerror(errno)))")
    }
    defer { closedir(stream) }
    var ids: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name.utf8.count == 32, Hex.decode(name) != nil { ids.append(name) }
    }
    return ids.sorted()
  }

  private func modified(_ id: String) -> Int64 {
    var status = stat()
    guard stat(directory + "/" + id, &status) == 0 else { return .max }
    return Int64(status.st_mtim.tv_sec)
  }
}
