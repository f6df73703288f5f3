import ArgumentParser
package import Varve

/// `off`, `fastest`, `auto`, `better` or `max`.
package struct CompressionArgument: ExpressibleByArgument, Sendable {
  package let level: BackupOptions.Compression

  package init?(argument: String) {
    guard let level = BackupOptions.Compression(rawValue: argument) else { return nil }
    self.level = level
  }

  private init(_ level: BackupOptions.Compression) { self.level = level }

  package static let auto = CompressionArgument(.auto)

  package var defaultValueDescription: String { level.rawValue }

  package static var allValueStrings: [String] {
    BackupOptions.Compression.allCases.map(\.rawValue)
  }
}
