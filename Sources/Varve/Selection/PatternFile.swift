import Glibc

/// Reads files of patterns (`--exclude-file`, `--include-file`): one pattern a line, white space
/// around it dropped, empty lines and lines that begin with `#` ignored, environment variables
/// expanded (`$NAME`, `${NAME}`; `$$` is a dollar sign; an unset variable is empty).
public enum PatternFile {
  /// The patterns in the file at `path`; `-` is standard input.
  ///
  /// - Throws: `VarveError` with code `io` when the file cannot be read.
  public static func patterns(at path: [UInt8]) throws -> [[UInt8]] {
    patterns(in: try ListFile.text(at: path), environment: environmentVariable)
  }

  /// The patterns in `text`, with `environment` giving the values of variables. O(n).
  public static func patterns(
    in text: [UInt8], environment: ([UInt8]) -> [UInt8]?
  ) -> [[UInt8]] {
    var patterns: [[UInt8]] = []
    for line in ListFile.lines(text) {
      let line = ListFile.trimmed(line)
      guard let first = line.first, first != UInt8(ascii: "#") else { continue }
      let pattern = VariableExpansion.expand(line) { name in
        name == [UInt8(ascii: "$")] ? name : environment(name)
      }
      if !pattern.isEmpty { patterns.append(pattern) }
    }
    return patterns
  }

  private static func environmentVariable(_ name: [UInt8]) -> [UInt8]? {
    let name = name.map { CChar(bitPattern: $0) } + [0]
    guard let value = getenv(name) else { return nil }
    return Array(UnsafeRawBufferPointer(start: value, count: strlen(value)))
  }
}
