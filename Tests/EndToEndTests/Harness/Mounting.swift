import Glibc

/// Commands that mount something where nobody else sees it.
enum Mounting {
  static let isPossible =
    Tools.isRoot
    && (try? RunningProcess(
      ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], environment: [:]
    ).wait().code) == 0
}

extension Workspace {
  /// Runs a shell's script that may mount what it likes: it is gone afterwards. `$varve` is the program, `$source`, `$target`
  /// and `$root` are the workspace's places.
  func runMounting(_ script: String) throws -> Outcome {
    let variables =
      "varve='\(Tools.varve)'; source='\(source)'; target='\(target)'; root='\(root)'\n"
    return try run(["unshare", "--mount", "sh", "-c", variables + script])
  }
}
