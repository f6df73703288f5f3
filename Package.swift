// swift-tools-version: 6.2
import PackageDescription

// Modules from the bottom up; lower never imports upper (docs/design.md, section 5).
let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
]

// Tests whose own code need not be fast, against modules that are: half the time to compile them.
let unoptimized = strict + [.unsafeFlags(["-Onone"])]

let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
// Without full Foundation, which would double the binary.
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(
  name: "HummingbirdCore", package: "hummingbird")
let asyncHTTPClient = Target.Dependency.product(
  name: "AsyncHTTPClient", package: "async-http-client")
func nio(_ name: String) -> Target.Dependency { .product(name: name, package: "swift-nio") }
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let argumentParser = Target.Dependency.product(
  name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "varve",
  products: [
    .executable(name: "varve", targets: ["varve"]),
    .executable(name: "varve-verify", targets: ["varve-verify"]),
    .library(name: "Varve", targets: ["Varve"]),
    .library(name: "VarveProof", targets: ["VarveProof"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0", traits: []),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(
      url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.34.1"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    .systemLibrary(
      name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    // Archives that others made are read through it, and nothing else.
    .systemLibrary(
      name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(
      name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    // What Yams wraps, without Foundation, which would double the binary (docs/decisions/0011).
    .systemLibrary(
      name: "CLibYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(
      name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .target(name: "CVarveLinux"),
    .target(name: "CVarveSHA256"),
    .target(name: "VarveFormat", swiftSettings: strict),
    .target(name: "VarveChunking", dependencies: ["VarveFormat"], swiftSettings: strict),
    .target(
      name: "VarveCrypto", dependencies: ["COpenSSL", "CVarveSHA256", "VarveFormat", crypto],
      swiftSettings: strict),
    .target(
      name: "VarveProof", dependencies: ["VarveFormat", "VarveCrypto"], swiftSettings: strict),
    .target(
      name: "VarveVerifier", dependencies: ["VarveFormat", "VarveCrypto", "VarveProof"],
      swiftSettings: strict),
    .target(
      name: "VarveStorage", dependencies: ["CVarveLinux", "VarveFormat"], swiftSettings: strict),
    .target(
      name: "VarveRepository",
      dependencies: [
        "CZlib", "CZstd", "CVarveLinux", "VarveFormat", "VarveChunking", "VarveCrypto",
        "VarveProof", "VarveStorage",
      ], swiftSettings: strict),
    .target(
      name: "VarveRemoteStorage",
      dependencies: [
        "CVarveLinux", "VarveFormat", "VarveCrypto", "VarveProof", "VarveStorage", asyncHTTPClient,
        nio("NIOCore"), nio("NIOHTTP1"), nioSSL,
      ], swiftSettings: strict),
    .target(
      name: "VarveOperations",
      dependencies: [
        "CLibYAML", "CSQLite", "CVarveLinux", "Varve", "VarveFormat", "VarveCrypto", "VarveProof",
        "VarveStorage", "VarveRemoteStorage", "VarveRepository",
      ], swiftSettings: strict),
    .target(
      name: "VarveServer",
      dependencies: [
        "Varve", "VarveFormat", "VarveCrypto", "VarveOperations", "VarveProof", "VarveRepository",
        "VarveStorage", hummingbird, hummingbirdCore,
        nio("NIOCore"), nio("NIOPosix"), nioSSL,
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ], swiftSettings: strict),
    .target(
      name: "Varve",
      dependencies: [
        "CVarveLinux", "VarveFormat", "VarveChunking", "VarveCrypto", "VarveProof", "VarveStorage",
        "VarveRepository",
      ], swiftSettings: strict),
    .target(
      name: "VarveCommands",
      dependencies: [
        "CVarveLinux", "Varve", "VarveFormat", "VarveCrypto", "VarveProof", "VarveStorage",
        "VarveOperations", "VarveRemoteStorage", "VarveRepository", "VarveServer", "VarveVerifier",
        argumentParser,
      ], swiftSettings: strict),
    // The binary carries the Swift runtime: it starts faster and runs where no toolchain is. The two
    // libraries are what FoundationEssentials (inside ArgumentParser and Crypto) leaves unnamed.
    .executableTarget(
      name: "varve", dependencies: ["VarveCommands"], swiftSettings: strict,
      linkerSettings: [
        .unsafeFlags(["-static-stdlib", "-l_FoundationCollections", "-l_FoundationCShims"])
      ]),
    // For who has a proof and nothing else: no code that reads repositories.
    .executableTarget(
      name: "varve-verify", dependencies: ["VarveFormat", "VarveVerifier", argumentParser],
      swiftSettings: strict,
      linkerSettings: [
        .unsafeFlags([
          "-static-stdlib", "-l_FoundationCollections", "-l_FoundationCShims",
          "-lswiftSynchronization",
        ])
      ]),
    .target(
      name: "VarveTestSupport", dependencies: ["VarveFormat", "VarveStorage"],
      path: "Tests/VarveTestSupport", swiftSettings: strict),
    .target(
      name: "VarveTestThreads", dependencies: ["VarveTestSupport"],
      path: "Tests/VarveTestThreads", swiftSettings: strict),
    .target(
      name: "VarveFuzzing",
      dependencies: [
        "Varve", "VarveCrypto", "VarveFormat", "VarveProof", "VarveRepository", "VarveStorage",
        "VarveTestSupport",
      ], path: "Tests/VarveFuzzing", swiftSettings: strict),
    .testTarget(
      name: "VarveFuzzingTests",
      dependencies: ["VarveFormat", "VarveFuzzing", "VarveTestThreads"], swiftSettings: strict),
    .testTarget(
      name: "VarveFormatTests",
      dependencies: ["VarveCrypto", "VarveFormat", "VarveProof", "VarveTestSupport"],
      swiftSettings: unoptimized),
    .testTarget(
      name: "VarveCryptoTests", dependencies: ["VarveCrypto", "VarveFormat", "VarveTestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "VarveChunkingTests",
      dependencies: ["VarveChunking", "VarveCrypto", "VarveFormat", "VarveTestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "VarveProofTests",
      dependencies: ["VarveCrypto", "VarveFormat", "VarveProof", "VarveTestSupport"],
      swiftSettings: unoptimized),
    .testTarget(
      name: "VarveTests",
      dependencies: [
        "CVarveLinux", "Varve", "VarveCrypto", "VarveFormat", "VarveProof", "VarveRepository",
        "VarveStorage",
        "VarveTestSupport",
      ], swiftSettings: unoptimized),
    .testTarget(
      name: "VarveStorageTests",
      dependencies: ["CVarveLinux", "VarveFormat", "VarveStorage", "VarveTestSupport"],
      swiftSettings: unoptimized),
    .testTarget(
      name: "VarveRemoteStorageTests",
      dependencies: [
        "VarveCrypto", "VarveFormat", "VarveProof", "VarveRemoteStorage", "VarveStorage",
        "VarveTestSupport",
        "VarveTestThreads", nio("NIOCore"), nio("NIOPosix"),
      ], swiftSettings: unoptimized),
    .testTarget(
      name: "VarveOperationsTests",
      dependencies: [
        "CSQLite", "Varve", "VarveCrypto", "VarveFormat", "VarveOperations", "VarveProof",
        "VarveRepository", "VarveStorage", "VarveTestSupport", "VarveTestThreads", "VarveVerifier",
      ], swiftSettings: unoptimized),
    .testTarget(
      name: "VarveServerTests",
      dependencies: [
        "Varve", "VarveCrypto", "VarveFormat", "VarveOperations", "VarveProof",
        "VarveRemoteStorage", "VarveRepository", "VarveServer", "VarveStorage", "VarveTestSupport",
        "VarveTestThreads",
      ], swiftSettings: unoptimized),
    .testTarget(
      name: "VarveRepositoryTests",
      dependencies: [
        "VarveChunking", "VarveCrypto", "VarveFormat", "VarveProof", "VarveRepository",
        "VarveStorage", "VarveTestSupport", "VarveTestThreads",
      ], swiftSettings: unoptimized),
    .testTarget(
      name: "VarveCommandsTests",
      dependencies: [
        "VarveCommands", "VarveCrypto", "VarveFormat", "VarveOperations", "VarveRepository",
      ], swiftSettings: unoptimized),
    .testTarget(
      name: "SimulationTests",
      dependencies: [
        "Varve", "VarveCrypto", "VarveFormat", "VarveRemoteStorage", "VarveRepository",
        "VarveStorage", "VarveTestSupport",
      ], swiftSettings: strict),
    // Stops the binary at system calls, for EndToEndTests; Linux on x86-64.
    .executableTarget(name: "FaultTracer", path: "Tests/FaultTracer"),
    .testTarget(
      name: "EndToEndTests",
      dependencies: [
        "CVarveLinux", "Varve", "VarveCrypto", "VarveFormat", "VarveProof", "VarveRepository",
        "VarveStorage", "VarveTestSupport", "VarveTestThreads",
      ], swiftSettings: unoptimized),
  ]
)
