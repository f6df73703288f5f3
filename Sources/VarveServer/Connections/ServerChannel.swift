import HummingbirdCore
import Logging
import NIOCore
import NIOHTTPTypes
import NIOPosix
import NIOSSL

/// A connection: TLS, if there are certificates, and the pace that its client has to keep.
struct ServerChannel: ServerChildChannel {
  private static let readSize = 32 << 10

  let base: HTTP1Channel
  /// nil for no encryption.
  let certificates: ServerCertificates?

  init(
    _ responder: @escaping HTTPChannelHandler.Responder, certificates: ServerCertificates?,
    pace: PaceLimits
  ) {
    base = HTTP1Channel(
      responder: responder,
      configuration: HTTP1Channel.Configuration(
        // No `idleTimeout`: it takes a body that the server does not read for a client that says nothing.
        additionalChannelHandlers: [ConnectionPace(pace)],
        httpDecoderConfiguration: HTTP1Channel.Configuration.DecoderConfiguration(
          maxHeaderFieldSize: 8 << 10, maxHeaderListSize: 16 << 10, maxHeaderFieldCount: 64)))
    self.certificates = certificates
  }

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
    channel.eventLoop.makeCompletedFuture {
      // Reads of one size: what a connection holds unread stays small.
      try channel.syncOptions?.setOption(
        .recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: Self.readSize))
      let pipeline = channel.pipeline.syncOperations
      if let context = certificates?.context {
        try pipeline.addHandler(NIOSSLServerHandler(context: context))
      }
      try pipeline.addHandler(ByteArrival())
    }.flatMap { base.setup(channel: channel, logger: logger) }
  }

  func handle(value: HTTP1Channel.Value, logger: Logger) async {
    await base.handle(value: value, logger: logger)
  }
}
