import Glibc

/// Standard input, output and error where the caller has closed them: files that are opened later would get their numbers, and
/// what is meant for the terminal would go into them.
enum StandardDescriptors {
  /// Opens those that are closed so that reading and writing fail, as they should; what is said on standard error is lost.
  static func reserve() {
    for (descriptor, access) in [
      (STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_WRONLY),
    ] where fcntl(descriptor, F_GETFD) < 0 {
      _ = open("/dev/null", access)
    }
  }
}
