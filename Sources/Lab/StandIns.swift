// The answering services in every node's namespace. They keep no state: each answer is made from
// the lab's record as it is on disk at that moment.

import Linux
import Model
import NIOCore
import NIOPosix

/// ipamd's introspection port and IMDS, for all nodes of a lab.
final class StandIns: Sendable {
    private let groups: [MultiThreadedEventLoopGroup]

    private init(_ groups: [MultiThreadedEventLoopGroup]) { self.groups = groups }

    /// Where ipamd answers since 1.6, and IMDS always.
    static let ipamdPort = 61679
    static let imdsPort = 80

    /// Listens in every node's namespace; a port that is taken there is an error.
    static func start(paths: LabPaths, status: LabStatus) async throws -> StandIns {
        var groups: [MultiThreadedEventLoopGroup] = []
        do {
            for node in status.nodes {
                // One thread for each node, which lives in the node's namespace for good.
                let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
                groups.append(group)
                let namespace = try NetworkNamespace(opening: node.netns)
                let loop = group.next()
                try await loop.submit { try namespace.enter() }.get()
                let token = IMDSToken()
                try await HTTPStandIn.listen("127.0.0.1", ipamdPort, on: loop) { request in
                    try ipamd(request, node: node.name, paths: paths)
                }
                try await HTTPStandIn.listen(AddressPlan.imds.description, imdsPort, on: loop) {
                    try imds($0, token: token, node: node.name, paths: paths)
                }
            }
        } catch {
            await StandIns(groups).stop()
            throw error
        }
        return StandIns(groups)
    }

    /// Stops listening and ends the threads.
    func stop() async {
        for group in groups { try? await group.shutdownGracefully() }
    }

    private static func ipamd(
        _ request: HTTPStandIn.Request, node: String, paths: LabPaths
    ) throws -> HTTPStandIn.Response {
        let record = try LabRecord.read(paths)
        guard let node = record.status.nodes.first(where: { $0.name == node }) else {
            throw LabError.notFound("node \(node)")
        }
        let answers = IPAMDAnswers(
            node: node, version: record.configuration.ipamdVersion,
            configuration: record.configuration)
        return HTTPStandIn.Response(status: 200, body: answers.body(request.path).description)
    }

    private static func imds(
        _ request: HTTPStandIn.Request, token: IMDSToken, node: String, paths: LabPaths
    ) throws -> HTTPStandIn.Response {
        if request.path == IMDSToken.path { return token.issue(request) }
        guard token.isValid(request) else {
            return HTTPStandIn.Response(status: 401, body: "Unauthorized")
        }
        let record = try LabRecord.read(paths)
        let root = "/latest/meta-data"
        guard let node = record.status.nodes.first(where: { $0.name == node }),
            request.path.hasPrefix(root)
        else { return HTTPStandIn.Response(status: 404, body: "Not Found") }
        let vpc = record.status.vpcCIDRs.map(\.wrappedValue)
        let answers = IMDSAnswers(node: node, vpc: vpc)
        guard let text = answers.text(String(request.path.dropFirst(root.count))) else {
            return HTTPStandIn.Response(status: 404, body: "Not Found")
        }
        return HTTPStandIn.Response(status: 200, body: text)
    }
}
