internal import COpenSSL

/// The library that does the bulk work.
public enum CryptographyLibrary {
  /// Its name and version, such as `OpenSSL 3.0.13`.
  public static var version: String {
    let text = String(cString: OpenSSL_version(OPENSSL_VERSION))
    return text.split(separator: " ").prefix(2).joined(separator: " ")
  }
}
