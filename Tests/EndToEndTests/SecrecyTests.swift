import Foundation
import Glibc
import Testing

@Suite struct SecrecyTests {
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
