// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that only what is fuzzed is instrumented. It builds the modules from the same
// sources, under the same package name, and so reaches what only the package may. Linux only: the toolchain
// for it brings libFuzzer. Fuzzing/run builds it and goes through the parsers.
let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .unsafeFlags(["-sanitize=fuzzer,address", "-parse-as-library"]),
]

let package = Package(
  name: "varve",
  dependencies: [
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2")
  ],
  targets: [
    .systemLibrary(name: "CZlib", path: "Modules/CZlib", pkgConfig: "zlib"),
    .systemLibrary(name: "CZstd", path: "Modules/CZstd", pkgConfig: "libzstd"),
    .target(name: "CVarveLinux", path: "Modules/CVarveLinux"),
    .target(name: "CVarveSHA256", path: "Modules/CVarveSHA256"),
    .systemLibrary(name: "COpenSSL", path: "Modules/COpenSSL", pkgConfig: "libcrypto"),
    .target(name: "VarveFormat", path: "Modules/VarveFormat", swiftSettings: strict),
    .target(
      name: "VarveChunking", dependencies: ["VarveFormat"], path: "Modules/VarveChunking",
      swiftSettings: strict),
    .target(
      name: "VarveCrypto",
      dependencies: [
        "COpenSSL", "CVarveSHA256", "VarveFormat",
        .product(name: "Crypto", package: "swift-crypto"),
      ],
      path: "Modules/VarveCrypto", swiftSettings: strict),
    .target(
      name: "VarveProof", dependencies: ["VarveFormat", "VarveCrypto"], path: "Modules/VarveProof",
      swiftSettings: strict),
    .target(
      name: "VarveStorage", dependencies: ["CVarveLinux", "VarveFormat"],
      path: "Modules/VarveStorage", swiftSettings: strict),
    .target(
      name: "VarveRepository",
      dependencies: [
        "CZlib", "CZstd", "CVarveLinux", "VarveFormat", "VarveChunking", "VarveCrypto",
        "VarveProof", "VarveStorage",
      ], path: "Modules/VarveRepository", swiftSettings: strict),
    .target(
      name: "Varve",
      dependencies: [
        "CVarveLinux", "VarveFormat", "VarveChunking", "VarveCrypto", "VarveProof", "VarveStorage",
        "VarveRepository",
      ], path: "Modules/Varve", swiftSettings: strict),
    .target(
      name: "VarveTestSupport", dependencies: ["VarveFormat", "VarveStorage"],
      path: "Tests/VarveTestSupport", swiftSettings: strict),
    .target(
      name: "VarveFuzzing",
      dependencies: [
        "Varve", "VarveCrypto", "VarveFormat", "VarveProof", "VarveRepository", "VarveStorage",
        "VarveTestSupport",
      ], path: "Tests/VarveFuzzing", swiftSettings: strict),
    .executableTarget(
      name: "fuzz", dependencies: ["VarveFuzzing"], swiftSettings: strict,
      linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address"])]),
  ]
)
