// Labs for tests: each test has its own, under a name of its own, and it is gone afterwards.

import Glibc
import Lab
import Linux
import Model
import Support
import Synchronization
import Testing

private let serial = Atomic(0)

/// A name that no other test and no other run has.
func uniqueLabName() -> String {
    "test-\(getpid())-\(serial.add(1, ordering: .relaxed).newValue)"
}

/// Runs a test on a lab of its own.
func withLab(
    _ configuration: LabConfiguration = LabConfiguration(), _ body: (Lab) async throws -> Void
) async throws {
    var configuration = configuration
    configuration.name = uniqueLabName()
    let lab = try await Lab.up(configuration)
    do {
        try await body(lab)
    } catch {
        try await lab.down()
        throw error
    }
    try await lab.down()
}

/// A place that can serve and dial.
struct Place {
    let name: String
    let namespace: NetworkNamespace
    let addresses: [IPFamily: IPAddress]

    init(_ pod: LabPod) throws {
        name = pod.name
        namespace = try NetworkNamespace(opening: pod.netns)
        addresses = [.v4: pod.ipv4, .v6: pod.ipv6]
    }

    init(_ node: LabNode) throws {
        name = node.name
        namespace = try NetworkNamespace(opening: node.netns)
        addresses = [.v4: node.ipv4, .v6: node.ipv6]
    }

    init(_ host: LabHost) throws {
        name = host.name
        namespace = try NetworkNamespace(opening: host.netns)
        addresses = [.v4: try #require(host.address(.v4)), .v6: try #require(host.address(.v6))]
    }

    /// Its address; every place has both.
    subscript(family: IPFamily) -> IPAddress {
        get throws { try #require(addresses[family]) }
    }

    /// Starts a server that says whom it sees.
    func serve(
        _ transport: EchoServer.Transport, _ family: IPFamily, port: UInt16 = 8080
    ) throws -> EchoServer {
        try EchoServer(
            transport, at: SocketAddress(self[family], port), in: namespace,
            answer: .identify(name))
    }

    /// Dials over TCP and asks whom the server sees.
    func dial(_ peer: SocketAddress) throws -> EchoServer.Sighting {
        let answer = try TCPClient(to: peer, in: namespace).ask("who?")
        return try #require(EchoServer.Sighting(answer))
    }
}
