import Glibc
import VarveFormat

func readFile(_ path: String) throws -> [UInt8] {
  guard let file = fopen(path, "r") else { throw VarveError(.missing, "no file \(path)") }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 1 << 16)
  while case let count = fread(&buffer, 1, buffer.count, file), count > 0 {
    bytes += buffer[..<count]
  }
  return bytes
}

func writeFile(_ path: String, _ bytes: [UInt8]) throws {
  guard let file = fopen(path, "w") else { throw VarveError(.io, "cannot write \(path)") }
  defer { fclose(file) }
  guard fwrite(bytes, 1, bytes.count, file) == bytes.count else {
    throw VarveError(.io, "cannot write \(path)")
  }
}
