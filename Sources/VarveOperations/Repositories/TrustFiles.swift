package import VarveCrypto
import VarveFormat
package import VarveProof

extension WitnessPolicy {
  /// The policy in a file, as c2sp.org/tlog-policy has it.
  package static func file(_ path: String) throws -> WitnessPolicy {
    try WitnessPolicy(SmallFile.bytes(at: path), ByteText.printable(RawArgument.bytes(path)))
  }
}

extension TimestampAuthorities {
  /// The authorities whose certificates (PEM) are in a file.
  package static func file(_ path: String) throws -> TimestampAuthorities {
    try TimestampAuthorities(
      pem: SmallFile.bytes(at: path), ByteText.printable(RawArgument.bytes(path)))
  }
}
