// The least HTTP server that ipamd's and IMDS' clients are content with: a closure from request to
// response, bodies of requests ignored.

import NIOCore
import NIOHTTP1
import NIOPosix

/// Listens and answers.
enum HTTPStandIn {
    /// What the closure sees of a request.
    struct Request: Sendable {
        let method: String
        /// Without the query.
        let path: String
        fileprivate let headers: HTTPHeaders

        /// The first value of a header; names without regard to case.
        func header(_ name: String) -> String? { headers.first(name: name) }
    }

    /// What it answers.
    struct Response: Sendable {
        var status: Int
        var body: String
        var headers: [(String, String)] = []
    }

    typealias Answer = @Sendable (Request) throws -> Response

    /// Listens until the loop's group is shut down. The sockets belong to the network namespace of
    /// the loop's thread; an answer that throws becomes status 500 with the error as text.
    static func listen(
        _ host: String, _ port: Int, on loop: any EventLoop, answer: @escaping Answer
    ) async throws {
        // bind opens the socket on the thread that calls it.
        _ = try await loop.flatSubmit {
            ServerBootstrap(group: loop)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
                        try pipeline.addHandler(Handler(answer))
                    }
                }
                .bind(host: host, port: port)
        }.get()
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let answer: Answer
        private var head: HTTPRequestHead?

        init(_ answer: @escaping Answer) { self.answer = answer }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): self.head = head
            case .body: break
            case .end:
                guard let head else { return }
                self.head = nil
                respond(context, head)
            }
        }

        private func respond(_ context: ChannelHandlerContext, _ head: HTTPRequestHead) {
            let path = head.uri.prefix { $0 != "?" }
            let request = Request(
                method: head.method.rawValue, path: String(path), headers: head.headers)
            let response: Response
            do {
                response = try answer(request)
            } catch {
                response = Response(status: 500, body: "\(error)")
            }
            var headers = HTTPHeaders(response.headers)
            headers.add(name: "Content-Type", value: "text/plain; charset=utf-8")
            headers.add(name: "Content-Length", value: String(response.body.utf8.count))
            if !head.isKeepAlive { headers.add(name: "Connection", value: "close") }
            let status = HTTPResponseStatus(statusCode: response.status)
            let answerHead = HTTPResponseHead(
                version: head.version, status: status, headers: headers)
            context.write(wrapOutboundOut(.head(answerHead)), promise: nil)
            let body = ByteBuffer(string: response.body)
            context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            if !head.isKeepAlive { context.close(promise: nil) }
        }
    }
}
