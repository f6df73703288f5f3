import Foundation
import Glibc
import Testing
import VarveTestThreads

@Suite(.onOwnThreads) struct SecrecyTests {
  @Test func nothingSecretIsPrintedOrLeftBehind() throws {
    let here = try Workspace()
    let marker = "content-marker-3141592653"
    try here.write(
      String(repeating: marker + "\n", count: 50), to: here.source + "/name-marker-2718281828")
    var said: [UInt8] = []
    let commands = [
      ["init"], ["backup", here.source], ["snapshots"], ["check", "--read-data"], ["key", "list"],
      ["log", "show"], ["log", "verify"], ["stats"], ["backup", here.source, "--dry-run"],
    ]
    for command in commands {
      for options in [["-vv"], ["--json"]] where !(command == ["init"] && options == ["--json"]) {
        let outcome = try here.varve(command + options)
        #expect(outcome.code == 0, "\(command) \(outcome.errors)")
        said += outcome.output + Array(outcome.errors.utf8)
      }
    }
    #expect(!contains(said, here.password))
    #expect(!contains(said, marker))
    // What lies in storage, cache and state is sealed.
    for directory in ["repository", "cache", "state"] {
      for name in here.objects(repository: here.root + "/" + directory) {
        let bytes = try here.read(here.root + "/" + directory + "/" + name)
        // The change cache names what was saved, on the machine that has it; so does docs/threat-model.md.
        let names = directory == "repository" ? ["name-marker-2718281828"] : []
        for secret in [here.password, marker] + names {
          #expect(!contains(bytes, secret), "\(directory)/\(name) holds \(secret)")
        }
      }
    }
  }

  /// Commands that leave something behind, of all kinds: nothing in the repository, or in what is made to be given away, names a
  /// host, a path, a user or a tag. Payloads of log entries are base64, so they are searched decoded, too.
  @Test func noUnsealedObjectNamesHostsPathsUsersOrTags() throws {
    let here = try Workspace()
    let (host, tag, reason) = ("host-marker-161803", "tag-marker-141421", "a reason that is public")
    let file = here.source + "/path-marker-271828/file-marker-314159"
    var generator = SeededGenerator(seed: 3)
    try here.write(generator.bytes(600_000), to: file)
    try here.succeed("init")
    try here.succeed(
      "key", "add", "--new-key-file", here.root + "/key-file", "--label", "label-marker-173205")
    here.environment["VARVE_KEY_FILE"] = here.root + "/key-file"
    here.environment["VARVE_PASSWORD_FILE"] = nil
    try here.backup(here.source, "--host", host, "--tag", tag)
    try here.write("more", to: file + "2")
    try here.backup(here.source, "--host", host, "--tag", tag)
    try here.succeed("tag", "--add", tag + "2", "latest")
    try here.succeed(
      "policy", "set", "--keep-last", "1", "--keep-tag", tag + "2", "--host", host, here.source)
    try here.succeed("hold", "add", "latest", "--reason", reason)
    try here.succeed("restore", "latest", "--target", here.root + "/target", "--include", "*file*")
    try here.succeed("check", "--read-data")
    try here.succeed("rewrite", "--exclude", "*marker-3141592", "--new-host", host + "2", "latest")
    try here.succeed("forget", "--keep-last", "1", "--host", host)
    try here.succeed("prune", "--now")
    let other = here.root + "/other"
    here.environment["VARVE_KEY_FILE"] = nil
    here.environment["VARVE_PASSWORD_FILE"] = here.passwordFile
    try here.succeed("init", "-r", other)
    try here.succeed(
      "copy", "-r", other, "--from-repo", here.repository, "--from-key-file",
      here.root + "/key-file")
    try here.write("", to: here.root + "/given/empty")
    try here.succeed("proof", "create", "latest", file, "-o", here.root + "/given/proof")
    try here.succeed("log", "publish", here.root + "/given/log")
    let index = try #require(
      try here.succeed("receipt", "list", "--json").documents().first?["index"].number)
    try here.succeed("receipt", "export", "\(index)", "-o", here.root + "/given/receipt")
    let secrets = [
      "host-marker", "tag-marker", "path-marker", "file-marker", "label-marker", here.source,
      "*file*",
    ]
    var searched = 0
    var reasons = 0
    for directory in [here.repository, other, here.root + "/given"] {
      for name in here.objects(repository: directory) {
        let bytes = try here.read(directory + "/" + name)
        for text in [bytes] + payloads(in: bytes) {
          searched += 1
          for secret in secrets {
            #expect(!contains(text, secret), "\(directory)/\(name) holds \(secret)")
          }
          if contains(text, reason) { reasons += 1 }
        }
      }
    }
    #expect(searched > 40)
    #expect(reasons > 0, "entries were looked into")
  }

  /// What stands in base64 behind `"payload":"`.
  private func payloads(in bytes: [UInt8]) -> [[UInt8]] {
    let text = String(decoding: bytes, as: UTF8.self)
    return text.components(separatedBy: "\"payload\":\"").dropFirst().compactMap {
      $0.split(separator: "\"").first.flatMap { Data(base64Encoded: String($0)) }.map(Array.init)
    }
  }

  @Test func filesAreForTheirOwnerAlone() throws {
    let here = try Workspace()
    try here.makeSmallTree()
    try here.succeed("init")
    try here.backup()
    try here.backup()
    for directory in ["repository", "cache", "state"] {
      let base = here.root + "/" + directory
      let names = FileManager.default.enumerator(atPath: base)?.compactMap { $0 as? String } ?? []
      #expect(directory != "repository" || names.count > 5)
      for name in names {
        var status = stat()
        lstat(base + "/" + name, &status)
        #expect(
          status.st_mode & 0o077 == 0, "\(directory)/\(name): \(String(status.st_mode, radix: 8))")
      }
    }
  }

  @Test func thePasswordVariableIsGoneFromTheProcess() throws {
    let here = try Workspace()
    here.environment["VARVE_PASSWORD"] = here.password
    here.environment["VARVE_PASSWORD_FILE"] = nil
    try here.succeed("init")
    let running = try here.start("backup", "--stdin", "--stdin-filename", "x", input: nil)
    try running.feed([UInt8](repeating: 1, count: 4 << 20))
    let environment = try here.read("/proc/\(running.identifier)/environ")
    let arguments = try here.read("/proc/\(running.identifier)/cmdline")
    running.closeInput()
    #expect(try running.wait().code == 0)
    #expect(!contains(environment, here.password))
    #expect(!contains(arguments, here.password))
  }

  private func contains(_ bytes: [UInt8], _ text: String) -> Bool {
    Data(bytes).range(of: Data(text.utf8)) != nil
  }
}
