// The little of HTTP/1 that the agent speaks: a request without a body in, a whole body out. Used
// by the control socket, the health ports and the command line; not meant for anything that
// streams.

package import Model
package import NIOCore

/// What a client asked for.
package struct HTTPRequest: Hashable, Sendable {
    /// `GET`, `HEAD`, …
    package var method: String
    /// Without the query.
    package var path: String

    package init(method: String, path: String) {
        self.method = method
        self.path = path
    }
}

/// What it gets.
package struct HTTPResponse: Hashable, Sendable {
    package var status: Int
    package var contentType: String
    package var body: ByteBuffer
    /// Beside the content's type and length, which every answer has.
    package var headers: [String: String]

    package init(
        status: Int, contentType: String, body: ByteBuffer, headers: [String: String] = [:]
    ) {
        self.status = status
        self.contentType = contentType
        self.body = body
        self.headers = headers
    }

    /// The body as plain bytes.
    package var bytes: [UInt8] { Array(body.readableBytesView) }

    /// One line for a person.
    package static func text(_ status: Int, _ message: String) -> HTTPResponse {
        HTTPResponse(
            status: status, contentType: "text/plain; charset=utf-8",
            body: ByteBuffer(string: message + "\n"))
    }

    /// A JSON text.
    package static func json(
        _ status: Int, _ text: String, headers: [String: String] = [:]
    ) -> HTTPResponse {
        HTTPResponse(
            status: status, contentType: "application/json", body: ByteBuffer(string: text),
            headers: headers)
    }

    /// A JSON document.
    package static func json(_ status: Int, _ body: ByteBuffer) -> HTTPResponse {
        HTTPResponse(status: status, contentType: "application/json", body: body)
    }
}

/// Answers by exact path; what is not listed is 404, and what is no GET or HEAD 405.
package struct HTTPRoutes: Sendable {
    /// Makes the answer to one path.
    package typealias Handler = @Sendable () async -> HTTPResponse
    private var handlers: [String: Handler]

    package init(_ handlers: [String: Handler]) { self.handlers = handlers }

    /// Never fails: what can't be served is an answer too.
    package func answer(_ request: HTTPRequest) async -> HTTPResponse {
        guard let handler = handlers[request.path] else {
            let known = handlers.keys.sorted().joined(separator: ", ")
            return .text(404, "\(request.path) is not served here; what is: \(known)")
        }
        guard ["GET", "HEAD"].contains(request.method) else {
            return .text(405, "\(request.method) is not served here; GET is")
        }
        return await handler()
    }
}

/// A place to listen at or to dial.
package enum HTTPEndpoint: Hashable, Sendable, CustomStringConvertible {
    case tcp(BindAddress)
    /// A path.
    case unix(String)

    package var description: String {
        switch self {
        case .tcp(let address): address.description
        case .unix(let path): path
        }
    }
}
