// One client's connection: requests in, whole answers out, one after the other (the pipeline's own
// handler keeps the next request back until this one is answered).

import NIOCore
import NIOHTTP1

/// The last handler of a connection. Lives on its event loop.
final class HTTPConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// Bytes of a request's body, which nobody reads.
    static let maximumBody = 64 << 10

    private let answer: HTTPServer.Answer
    private var head: HTTPRequestHead?
    private var bodyBytes = 0

    init(_ answer: @escaping HTTPServer.Answer) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let received):
            head = received
            bodyBytes = 0
        case .body(let bytes):
            bodyBytes += bytes.readableBytes
            if bodyBytes > Self.maximumBody { context.close(promise: nil) }
        case .end:
            guard let asked = head else { return }
            head = nil
            let path = asked.uri.prefix { $0 != "?" }
            let request = HTTPRequest(method: asked.method.rawValue, path: String(path))
            context.eventLoop.makeFutureWithTask { [answer] in await answer(request) }
                .assumeIsolated()
                .whenSuccess { self.write($0, to: asked, context) }
        }
    }

    /// A client that goes away in the middle is its own affair.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func write(
        _ response: HTTPResponse, to request: HTTPRequestHead, _ context: ChannelHandlerContext
    ) {
        var headers = HTTPHeaders()
        headers.add(name: "Content-Type", value: response.contentType)
        headers.add(name: "Content-Length", value: String(response.body.readableBytes))
        headers.add(name: "X-Content-Type-Options", value: "nosniff")
        for (name, value) in response.headers.sorted(by: { $0.key < $1.key }) {
            headers.add(name: name, value: value)
        }
        if !request.isKeepAlive { headers.add(name: "Connection", value: "close") }
        let head = HTTPResponseHead(
            version: request.version, status: HTTPResponseStatus(statusCode: response.status),
            headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if request.method != .HEAD {
            context.write(wrapOutboundOut(.body(.byteBuffer(response.body))), promise: nil)
        }
        let written = context.writeAndFlush(wrapOutboundOut(.end(nil)))
        guard !request.isKeepAlive else { return }
        written.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
    }
}
