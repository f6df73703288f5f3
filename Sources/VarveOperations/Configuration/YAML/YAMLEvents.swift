import CLibYAML

/// The events that libyaml makes out of bytes.
final class YAMLEvents {
  enum Event {
    case streamStart, streamEnd, documentStart, documentEnd
    case alias(String)
    case scalar(String, anchor: String?, tag: String?, isPlain: Bool)
    case sequenceStart(anchor: String?, tag: String?)
    case sequenceEnd
    case mappingStart(anchor: String?, tag: String?)
    case mappingEnd
  }

  struct Failure: Error {
    let position: SourcePosition
    let message: String
  }

  private let file: String
  private let bytes: UnsafeMutableBufferPointer<UInt8>
  private let parser: UnsafeMutablePointer<yaml_parser_t>

  /// - Parameter file: named in positions.
  init(_ content: [UInt8], file: String) throws(Failure) {
    self.file = file
    // libyaml keeps the pointer.
    bytes = .allocate(capacity: max(content.count, 1))
    _ = bytes.initialize(from: content)
    parser = .allocate(capacity: 1)
    guard yaml_parser_initialize(parser) == 1 else {
      bytes.deallocate()
      parser.deallocate()
      throw Failure(
        position: SourcePosition(file: file, line: 1, column: 1),
        message: "there is no memory to read it")
    }
    yaml_parser_set_input_string(parser, bytes.baseAddress, content.count)
  }

  deinit {
    yaml_parser_delete(parser)
    parser.deallocate()
    bytes.deallocate()
  }

  func next() throws(Failure) -> (event: Event, position: SourcePosition) {
    var raw = yaml_event_t()
    guard yaml_parser_parse(parser, &raw) == 1 else { throw failure() }
    defer { yaml_event_delete(&raw) }
    return (Self.event(raw), position(raw.start_mark))
  }

  private func position(_ mark: yaml_mark_t) -> SourcePosition {
    SourcePosition(
      file: file, line: Int(clamping: mark.line) &+ 1, column: Int(clamping: mark.column) &+ 1)
  }

  private func failure() -> Failure {
    let state = parser.pointee
    var message = state.problem.map { String(cString: $0) } ?? "it is no YAML"
    if let context = state.context { message += " (\(String(cString: context)))" }
    // What cannot even be decoded has an offset and no mark.
    let mark =
      state.error == YAML_READER_ERROR ? state.mark : state.problem_mark
    return Failure(position: position(mark), message: message)
  }

  private static func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
    pointer.map { String(cString: $0) }
  }

  private static func event(_ raw: yaml_event_t) -> Event {
    switch raw.type {
    case YAML_STREAM_START_EVENT: return .streamStart
    case YAML_DOCUMENT_START_EVENT: return .documentStart
    case YAML_DOCUMENT_END_EVENT: return .documentEnd
    case YAML_ALIAS_EVENT: return .alias(text(raw.data.alias.anchor) ?? "")
    case YAML_SCALAR_EVENT:
      let scalar = raw.data.scalar
      let value = String(
        decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      return .scalar(
        value, anchor: text(scalar.anchor), tag: text(scalar.tag),
        isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE)
    case YAML_SEQUENCE_START_EVENT:
      return .sequenceStart(
        anchor: text(raw.data.sequence_start.anchor), tag: text(raw.data.sequence_start.tag))
    case YAML_SEQUENCE_END_EVENT: return .sequenceEnd
    case YAML_MAPPING_START_EVENT:
      return .mappingStart(
        anchor: text(raw.data.mapping_start.anchor), tag: text(raw.data.mapping_start.tag))
    case YAML_MAPPING_END_EVENT: return .mappingEnd
    default: return .streamEnd
    }
  }
}
