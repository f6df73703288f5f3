/// Decompresses a stream piece by piece; its memory is bounded whatever the stream says.
package protocol StreamDecoder: AnyObject {
  /// Takes some of `input` and gives some output; neither need be all.
  ///
  /// - Returns: how many bytes were taken and given. Both are 0 only when there is no input left.
  /// - Throws: `.io` when the bytes are not of the format.
  func decode(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws -> (taken: Int, given: Int)

  /// Whether the stream may end here: all that was begun is complete.
  var isAtBoundary: Bool { get }
}
