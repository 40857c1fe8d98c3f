// A small HTTP/1 server on one socket: the control socket, /healthz and the health ports of
// Services. Event loops are shared by all servers, so that a thousand of them cost descriptors but
// no thread. It has limits: of connections, of a request's body, and of silence.

import Model
import NIOCore
import NIOHTTP1
import NIOPosix

/// Serves until it is closed, or until the task that runs it is cancelled.
package final class HTTPServer: Sendable {
    /// Makes the answer to one request; never fails, for what can't be served is an answer too.
    package typealias Answer = @Sendable (HTTPRequest) async -> HTTPResponse

    /// Connections served at a time unless somebody shares a limit with others.
    static let maximumConnections = 64
    /// A connection on which nothing moves for so long is closed.
    static let idleTimeout = TimeAmount.seconds(30)
    /// Connections that wait to be accepted.
    static let backlog: Int32 = 128

    private let channel: any Channel
    private let connections: Connections

    /// Listens at once, so that a busy address is known before anything else begins.
    ///
    /// - Throws: `IOError` with errno when it can't.
    package init(listeningAt endpoint: HTTPEndpoint, routes: HTTPRoutes) async throws {
        let own = Connections(maximum: Self.maximumConnections, excess: .isRefused)
        let bootstrap = Self.bootstrap([own]) { await routes.answer($0) }
        connections = own
        switch endpoint {
        case .tcp(let bind):
            channel = try await bootstrap.bind(
                host: bind.address.description, port: Int(bind.port)
            ).get()
        case .unix(let path):
            channel = try await bootstrap.bind(unixDomainSocketPath: path).get()
        }
    }

    /// Serves on a socket that is bound and listens already: whoever opened it chose its network
    /// namespace. The descriptor is the server's from here on.
    /// - Parameter shared: the limit of connections that this server shares with others.
    package init(
        on descriptor: CInt, sharing shared: Connections, answer: @escaping Answer
    ) async throws {
        let own = Connections(maximum: .max, excess: .isRefused)
        connections = own
        channel = try await Self.bootstrap([own, shared], answer).withBoundSocket(descriptor).get()
    }

    /// Serves until cancelled or closed; nothing is open any more when it returns.
    package func run() async throws {
        try await withTaskCancellationHandler {
            try await channel.closeFuture.get()
        } onCancel: {
            channel.close(promise: nil)
        }
        await connections.closeAll()
    }

    /// The socket and every connection are closed when it returns: the port is free.
    package func close() async {
        // It fails only if it is closed already.
        try? await channel.close().get()
        await connections.closeAll()
    }

    private static func bootstrap(
        _ limits: [Connections], _ answer: @escaping Answer
    ) -> ServerBootstrap {
        ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    for limit in limits { try limit.admit(child) }
                    let pipeline = child.pipeline.syncOperations
                    try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
                    try pipeline.addHandler(IdleStateHandler(allTimeout: idleTimeout))
                    try pipeline.addHandler(CloseWhenIdle())
                    try pipeline.addHandler(HTTPConnection(answer))
                }
            }
    }
}
