internal import COpenSSL
public import VarveFormat

/// AES-256-GCM (NIST SP 800-38D) under one key: the ciphertext, then a 16-byte tag.
///
/// One libcrypto context, reused; it belongs to one thread at a time. No message
/// may be longer than 2^31 - 17 bytes. The caller never uses a nonce twice under one key.
public final class AES256GCM {
  public static let keyByteCount = 32
  public static let nonceByteCount = 12
  public static let tagByteCount = 16

  // Fetching walks the providers and takes locks, so it is done once a process.
  nonisolated(unsafe) private static let cipher: OpaquePointer? =
    EVP_CIPHER_fetch(nil, "AES-256-GCM", nil)

  private let context: OpaquePointer

  /// - Parameter key: 32 bytes.
  /// - Throws: `damaged` for a key of another length, `io` when libcrypto has no such cipher.
  public init(key: borrowing SecretBytes) throws(VarveError) {
    guard key.count == Self.keyByteCount else {
      throw VarveError(.damaged, "an AES-256-GCM key has \(key.count) bytes, not 32")
    }
    guard let cipher = Self.cipher, let context = EVP_CIPHER_CTX_new() else {
      throw VarveError(
        .io, "libcrypto offers no AES-256-GCM", hint: "check the system's OpenSSL configuration")
    }
    self.context = context
    let keyed = key.withUnsafeBytes { key in
      EVP_CipherInit_ex2(
        context, cipher, key.baseAddress?.assumingMemoryBound(to: UInt8.self), nil, 1, nil)
    }
    guard keyed == 1 else { throw Self.failure }
  }

  /// Makes `key` the one under which is sealed and opened from now on. About as long as 2 KiB take to seal.
  ///
  /// - Parameter key: 32 bytes.
  /// - Throws: as the initialiser does.
  public func setKey(_ key: UnsafeRawBufferPointer) throws(VarveError) {
    guard key.count == Self.keyByteCount, let bytes = key.baseAddress else {
      throw VarveError(.damaged, "an AES-256-GCM key has \(key.count) bytes, not 32")
    }
    let bound = bytes.assumingMemoryBound(to: UInt8.self)
    guard EVP_CipherInit_ex2(context, nil, bound, nil, 1, nil) == 1 else { throw Self.failure }
  }

  deinit { EVP_CIPHER_CTX_free(context) }

  /// Encrypts `plaintext` and authenticates it together with `aad`. O(n).
  ///
  /// - Parameters:
  ///   - nonce: 12 bytes.
  ///   - out: receives the ciphertext and the tag; must hold `plaintext.count + 16` bytes. It may
  ///     start where `plaintext` starts; otherwise they must not overlap.
  public func seal(
    nonce: UnsafeRawBufferPointer, aad: UnsafeRawBufferPointer, plaintext: UnsafeRawBufferPointer,
    into out: UnsafeMutableRawBufferPointer
  ) throws(VarveError) {
    let count = plaintext.count
    precondition(out.count - Self.tagByteCount >= count, "no room for a sealed message")
    try start(nonce: nonce, aad: aad, count: count, encrypting: true)
    guard let output = out.baseAddress, try update(from: plaintext, to: output),
      finish(),
      EVP_CIPHER_CTX_ctrl(
        context, EVP_CTRL_AEAD_GET_TAG, Int32(Self.tagByteCount), output + count) == 1
    else { throw Self.failure }
  }

  /// Checks the tag and decrypts.
  ///
  /// - Parameters:
  ///   - ciphertext: what `seal` gave, tag included.
  ///   - out: receives the plaintext, `ciphertext.count - 16` bytes; zeroed on failure. It may
  ///     start where `ciphertext` starts; otherwise they must not overlap.
  /// - Throws: `VarveError.Code.damaged` when the ciphertext, the tag, the nonce or `aad` is not what was
  ///   sealed under this key.
  public func open(
    nonce: UnsafeRawBufferPointer, aad: UnsafeRawBufferPointer, ciphertext: UnsafeRawBufferPointer,
    into out: UnsafeMutableRawBufferPointer
  ) throws(VarveError) {
    let count = ciphertext.count - Self.tagByteCount
    guard count >= 0, let input = ciphertext.baseAddress else {
      throw VarveError(.damaged, "a sealed message is shorter than its tag")
    }
    precondition(out.count >= count, "no room for an opened message")
    try start(nonce: nonce, aad: aad, count: count, encrypting: false)
    let body = UnsafeRawBufferPointer(start: input, count: count)
    // libcrypto copies the tag; it takes a mutable pointer only because the same call also reads one.
    let tag = UnsafeMutableRawPointer(mutating: input + count)
    guard EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(Self.tagByteCount), tag) == 1
    else { throw Self.failure }
    if count > 0, let output = out.baseAddress {
      let opened = try update(from: body, to: output) && finish()
      guard opened else {
        OPENSSL_cleanse(output, count)
        throw Self.forged
      }
    } else if !finish() {
      throw Self.forged
    }
  }

  private func start(
    nonce: UnsafeRawBufferPointer, aad: UnsafeRawBufferPointer, count: Int, encrypting: Bool
  ) throws(VarveError) {
    precondition(nonce.count == Self.nonceByteCount, "an AES-GCM nonce has 12 bytes")
    guard count <= Int(Int32.max) - Self.tagByteCount, aad.count <= Int(Int32.max) else {
      throw VarveError(.damaged, "a message of \(count) bytes is too long to seal or open at once")
    }
    let nonce = nonce.baseAddress?.assumingMemoryBound(to: UInt8.self)
    guard EVP_CipherInit_ex2(context, nil, nil, nonce, encrypting ? 1 : 0, nil) == 1 else {
      throw Self.failure
    }
    if let start = aad.baseAddress, aad.count > 0 {
      var written: Int32 = 0
      let bytes = start.assumingMemoryBound(to: UInt8.self)
      guard EVP_CipherUpdate(context, nil, &written, bytes, Int32(aad.count)) == 1 else {
        throw Self.failure
      }
    }
  }

  private func update(
    from input: UnsafeRawBufferPointer, to output: UnsafeMutableRawPointer
  ) throws(VarveError) -> Bool {
    guard let start = input.baseAddress, input.count > 0 else { return true }
    var written: Int32 = 0
    let result = EVP_CipherUpdate(
      context, output.assumingMemoryBound(to: UInt8.self), &written,
      start.assumingMemoryBound(to: UInt8.self), Int32(input.count))
    return result == 1 && Int(written) == input.count
  }

  // GCM has no padding: nothing is written, and when opening it is here that the tag is compared.
  private func finish() -> Bool {
    var written: Int32 = 0
    var unused: (UInt64, UInt64) = (0, 0)
    return withUnsafeMutableBytes(of: &unused) { unused in
      EVP_CipherFinal_ex(
        context, unused.baseAddress?.assumingMemoryBound(to: UInt8.self), &written) == 1
    }
  }

  private static var failure: VarveError { VarveError(.io, "libcrypto failed at AES-256-GCM") }
  private static var forged: VarveError {
    VarveError(.damaged, "a sealed message does not authenticate")
  }
}

extension AES256GCM {
  /// Seals into a new array: for labels and wrapped keys, not for file content.
  public func seal(
    nonce: [UInt8], aad: [UInt8], plaintext: UnsafeRawBufferPointer
  ) throws -> [UInt8] {
    let count = plaintext.count + Self.tagByteCount
    return try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      try nonce.withUnsafeBytes { nonce in
        try aad.withUnsafeBytes { aad in
          try seal(
            nonce: nonce, aad: aad, plaintext: plaintext,
            into: UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: count))
        }
      }
      initialized = count
    }
  }

  /// Opens what is secret in itself, such as a credential's payload.
  ///
  /// - Throws: `VarveError.Code.damaged`, also when `nonce` has not 12 bytes.
  public func open(nonce: [UInt8], aad: [UInt8], ciphertext: [UInt8]) throws -> SecretBytes {
    guard nonce.count == Self.nonceByteCount, ciphertext.count >= Self.tagByteCount else {
      throw VarveError(.damaged, "a sealed message or its nonce has a wrong length")
    }
    return try SecretBytes(count: ciphertext.count - Self.tagByteCount) { output in
      try nonce.withUnsafeBytes { nonce in
        try aad.withUnsafeBytes { aad in
          try ciphertext.withUnsafeBytes { ciphertext in
            try open(nonce: nonce, aad: aad, ciphertext: ciphertext, into: output)
          }
        }
      }
    }
  }
}
