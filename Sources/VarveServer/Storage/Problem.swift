import HTTPTypes
import Hummingbird
import NIOCore
import VarveFormat
import VarveStorage

/// Why a request is not carried out: problem details (RFC 9457).
struct Problem: Error {
  /// The type of a failure that is of one object: others may be read, and asking for it again does not help.
  static let unreadableObject = "urn:varve:problem:unreadable-object"

  let status: Int
  let detail: String
  var headers: HTTPFields = [:]
  /// nil for what the status says.
  private var type: String?

  init(_ status: Int, _ detail: String, headers: HTTPFields = [:]) {
    self.status = status
    self.detail = detail
    self.headers = headers
  }

  /// What the file system said.
  init(_ error: any Error) {
    guard let error = error as? VarveError else {
      self.init(500, "the server failed")
      return
    }
    switch error.code {
    case .missing: self.init(404, "there is no such object")
    case .noRepository: self.init(404, "there is no such repository")
    case .usage: self.init(400, "that is no possible name of an object")
    case .io where error.isOfSpace:
      self.init(507, "the server's disk has no room for it")
    case .io, .damaged:
      self.init(500, "the server cannot read or write the object: \(error.code.rawValue)")
      type = Self.unreadableObject
    // The message names paths of the server, which are nobody else's business.
    default: self.init(500, "the server's storage failed: \(error.code.rawValue)")
    }
  }

  private static let statuses: [HTTPResponse.Status] = [
    .badRequest, .unauthorized, .forbidden, .notFound, .methodNotAllowed, .conflict,
    .lengthRequired, .preconditionFailed, .contentTooLarge, .unsupportedMediaType,
    .rangeNotSatisfiable, .unprocessableContent, .preconditionRequired, .tooManyRequests,
    .internalServerError,
  ]

  var response: Response {
    let known = Self.statuses.first { $0.code == status }
    let said = known ?? HTTPResponse.Status(code: status, reasonPhrase: "Insufficient Storage")
    var members: [String: JSONValue] = [
      "detail": .string(detail), "status": .integer(Int64(said.code)),
      "title": .string(said.reasonPhrase),
    ]
    if let type { members["type"] = .string(type) }
    let body = JSONValue.object(members).canonicalBytes()
    var fields = headers
    fields[.contentType] = "application/problem+json"
    return Response(
      status: said, headers: fields, body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
  }
}
