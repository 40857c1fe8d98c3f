// IMDSv2's session tokens: PUT for one, then show it with each request. A request without one is
// refused, as on nodes that require IMDSv2.

/// The token of one node's stand-in. Its lifetime is asked for, checked and not enforced.
struct IMDSToken: Sendable {
    static let path = "/latest/api/token"
    private static let header = "x-aws-ec2-metadata-token"
    private static let lifetimeHeader = "x-aws-ec2-metadata-token-ttl-seconds"
    /// Six hours.
    private static let maximumLifetimeSeconds = 21600

    private let value = String(UInt64.random(in: .min ... .max), radix: 16) + "=="

    /// The answer to a request for a token.
    func issue(_ request: HTTPStandIn.Request) -> HTTPStandIn.Response {
        guard request.method == "PUT" else {
            return HTTPStandIn.Response(status: 405, body: "Method Not Allowed")
        }
        guard let seconds = request.header(Self.lifetimeHeader).flatMap({ Int($0) }),
            (1...Self.maximumLifetimeSeconds).contains(seconds)
        else { return HTTPStandIn.Response(status: 400, body: "Bad Request") }
        return HTTPStandIn.Response(
            status: 200, body: value, headers: [(Self.lifetimeHeader, String(seconds))])
    }

    /// Whether a request shows the token.
    func isValid(_ request: HTTPStandIn.Request) -> Bool { request.header(Self.header) == value }
}
