internal import CZstd

/// The library that compresses blocks.
package enum CompressionLibrary {
  /// Its name and version, such as `zstd 1.5.5`.
  package static var version: String { "zstd " + String(cString: ZSTD_versionString()) }
}
