// Asks the agent one question over its socket. The command line's side of the control server.

import Linux
import Model
import NIOCore
import NIOHTTP1
import NIOPosix

/// One GET to one endpoint.
package enum HTTPClient {
    /// A larger answer is refused: 100,000 services make about 60 MB.
    static let maximumAnswer = 256 << 20
    static let connectTimeout = TimeAmount.seconds(2)
    /// Without a byte for so long the agent counts as away.
    static let answerTimeout = TimeAmount.seconds(10)

    /// Why there is no answer.
    package enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
        /// Nobody listens there; the text says what the kernel said.
        case unreachable(String)
        /// The other side went away, or sent what is no HTTP, before the answer was whole.
        case broken(String)

        package var description: String {
            switch self {
            case .unreachable(let reason): "no agent answers: \(reason)"
            case .broken(let reason): "the agent's answer broke off: \(reason)"
            }
        }
    }

    /// - Throws: `Failure`; any status is an answer.
    package static func get(
        _ path: String, from endpoint: HTTPEndpoint
    ) async throws(Failure) -> HTTPResponse {
        let channel: NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>
        do {
            channel = try await connect(to: endpoint)
        } catch {
            throw .unreachable(Self.reason(error, endpoint))
        }
        do {
            return try await channel.executeThenClose { inbound, outbound in
                var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: path)
                head.headers.add(name: "Host", value: "needletail")
                head.headers.add(name: "Connection", value: "close")
                try await outbound.write(.head(head))
                try await outbound.write(.end(nil))
                return try await answer(inbound)
            }
        } catch let failure as Failure {
            throw failure
        } catch {
            throw .broken(String(describing: error))
        }
    }

    private static func reason(_ error: any Error, _ endpoint: HTTPEndpoint) -> String {
        guard let error = error as? IOError else { return "\(endpoint): \(error)" }
        let errno = Errno(rawValue: error.errnoCode)
        return "\(KernelError(call: "connect", subject: "\(endpoint)", errno: errno))"
    }

    private static func answer(
        _ inbound: NIOAsyncChannelInboundStream<HTTPClientResponsePart>
    ) async throws -> HTTPResponse {
        var response = HTTPResponse(status: 0, contentType: "", body: ByteBuffer())
        for try await part in inbound {
            switch part {
            case .head(let head):
                response.status = Int(head.status.code)
                response.contentType = head.headers.first(name: "Content-Type") ?? ""
            case .body(var bytes):
                guard response.body.readableBytes + bytes.readableBytes <= maximumAnswer else {
                    throw Failure.broken("more than \(maximumAnswer) bytes")
                }
                response.body.writeBuffer(&bytes)
            case .end:
                return response
            }
        }
        throw Failure.broken("closed before its end")
    }

    private static func connect(
        to endpoint: HTTPEndpoint
    ) async throws -> NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart> {
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(connectTimeout)
        let initializer:
            @Sendable (any Channel) -> EventLoopFuture<
                NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>
            > = { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(
                        IdleStateHandler(readTimeout: answerTimeout))
                    try channel.pipeline.syncOperations.addHandler(CloseWhenIdle())
                    return try NIOAsyncChannel(wrappingChannelSynchronously: channel)
                }
            }
        return switch endpoint {
        case .tcp(let address):
            try await bootstrap.connect(
                host: address.address.description, port: Int(address.port),
                channelInitializer: initializer)
        case .unix(let path):
            try await bootstrap.connect(
                unixDomainSocketPath: path, channelInitializer: initializer)
        }
    }
}
