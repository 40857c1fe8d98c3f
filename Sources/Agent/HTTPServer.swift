// A small HTTP/1 server on one socket, for the control socket and for the health port. It has
// limits: connections beyond them are closed at once, silent ones after a while.

import Model
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// Serves routes until the task that runs it is cancelled.
package struct HTTPServer: Sendable {
    /// Connections served at a time; one more is closed as soon as it is accepted, so that whoever
    /// reaches the health port can't use up the agent's descriptors.
    static let maximumConnections = 64
    /// A connection that says nothing for so long is closed.
    static let idleTimeout = TimeAmount.seconds(30)
    /// Bytes of a request's body, which nobody reads.
    static let maximumBody = 64 << 10

    private typealias Connection = NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>

    let channel:
        NIOAsyncChannel<NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart>, Never>
    let routes: HTTPRoutes

    /// Listens at once, so that a busy address is known before anything else begins.
    ///
    /// - Throws: `IOError` with errno when it can't.
    package init(listeningAt endpoint: HTTPEndpoint, routes: HTTPRoutes) async throws {
        self.routes = routes
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 128)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        let initializer: @Sendable (any Channel) -> EventLoopFuture<Connection> = { child in
            child.eventLoop.makeCompletedFuture {
                try child.pipeline.syncOperations.configureHTTPServerPipeline(
                    withErrorHandling: true)
                try child.pipeline.syncOperations.addHandler(
                    IdleStateHandler(allTimeout: Self.idleTimeout))
                try child.pipeline.syncOperations.addHandler(CloseWhenIdle())
                return try Connection(wrappingChannelSynchronously: child)
            }
        }
        switch endpoint {
        case .tcp(let bind):
            channel = try await bootstrap.bind(
                host: bind.address.description, port: Int(bind.port),
                childChannelInitializer: initializer)
        case .unix(let path):
            channel = try await bootstrap.bind(
                unixDomainSocketPath: path, childChannelInitializer: initializer)
        }
    }

    /// Serves until cancelled; closes the listening socket then.
    package func run() async throws {
        let open = OpenConnections()
        try await channel.executeThenClose { connections in
            try await withThrowingDiscardingTaskGroup { group in
                for try await connection in connections {
                    group.addTask {
                        let count = open.count.add(1, ordering: .relaxed).newValue
                        defer { open.count.subtract(1, ordering: .relaxed) }
                        // A client that goes away in the middle is its own affair.
                        if count <= Self.maximumConnections {
                            try? await serve(connection)
                        } else {
                            try? await connection.executeThenClose { _, _ in }
                        }
                    }
                }
            }
        }
    }

    private func serve(_ connection: Connection) async throws {
        try await connection.executeThenClose { inbound, _ in
            var head: HTTPRequestHead?
            var bodyBytes = 0
            for try await part in inbound {
                switch part {
                case .head(let received):
                    head = received
                    bodyBytes = 0
                case .body(let bytes):
                    bodyBytes += bytes.readableBytes
                    if bodyBytes > Self.maximumBody { return }
                case .end:
                    guard let asked = head else { return }
                    head = nil
                    let path = asked.uri.prefix { $0 != "?" }
                    let request = HTTPRequest(method: asked.method.rawValue, path: String(path))
                    let response = await routes.answer(request)
                    try await write(response, to: asked, connection.channel)
                    if !asked.isKeepAlive { return }
                }
            }
        }
    }

    private func write(
        _ response: HTTPResponse, to request: HTTPRequestHead, _ channel: any Channel
    ) async throws {
        var headers = HTTPHeaders()
        headers.add(name: "Content-Type", value: response.contentType)
        headers.add(name: "Content-Length", value: String(response.body.readableBytes))
        headers.add(name: "X-Content-Type-Options", value: "nosniff")
        if !request.isKeepAlive { headers.add(name: "Connection", value: "close") }
        let head = HTTPResponseHead(
            version: request.version, status: HTTPResponseStatus(statusCode: response.status),
            headers: headers)
        // Past the channel's async writer, which says that it is done before the kernel has it all.
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        if request.method != .HEAD {
            channel.write(HTTPServerResponsePart.body(.byteBuffer(response.body)), promise: nil)
        }
        try await channel.writeAndFlush(HTTPServerResponsePart.end(nil))
    }
}

/// How many connections are open, shared by the tasks that serve them.
private final class OpenConnections: Sendable {
    let count = Atomic(0)
}
