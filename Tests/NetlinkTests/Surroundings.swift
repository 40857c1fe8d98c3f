// A namespace of the test's own with an in-process `ip`, and a reader that folds what a monitor
// tells until it equals what the kernel says.

import Glibc
import Linux
import Model
import Testing

@testable import Netlink

/// Tests that make namespaces say so and skip aloud without the right.
let needsRoot = ConditionTrait.enabled(if: geteuid() == 0, "needs root")

/// Texts to values that must parse.
func address(_ text: String) -> IPAddress {
    guard let address = IPAddress(text) else { preconditionFailure(text) }
    return address
}

func cidr(_ text: String) -> CIDR {
    guard let cidr = CIDR(text) else { preconditionFailure(text) }
    return cidr
}

func mac(_ text: String) -> MACAddress {
    guard let mac = MACAddress(text) else { preconditionFailure(text) }
    return mac
}

/// Addresses of one family that a test works with.
struct FamilyAddresses: Sendable, CustomTestStringConvertible {
    let family: IPFamily
    let node: IPAddress
    let gateway: IPAddress
    let subnetLength: Int
    let pod: IPAddress
    let elsewhere: IPAddress
    let wide: CIDR
    let nowhere: CIDR
    let everything: CIDR

    var testDescription: String { "IPv\(family.rawValue)" }

    static let both = [
        FamilyAddresses(
            family: .v4, node: address("10.0.0.5"), gateway: address("10.0.0.1"), subnetLength: 24,
            pod: address("10.0.2.7"), elsewhere: address("10.0.3.1"), wide: cidr("10.0.0.0/16"),
            nowhere: cidr("10.9.0.0/16"),
            everything: cidr("0.0.0.0/0")),
        FamilyAddresses(
            family: .v6, node: address("fd00::5"), gateway: address("fd00::1"), subnetLength: 64,
            pod: address("fd00:2::7"), elsewhere: address("fd00:3::1"), wide: cidr("fd00::/16"),
            nowhere: cidr("fd09::/32"),
            everything: cidr("::/0")),
    ]
}

/// A namespace with a veth pair `eni0`–`peer0`, both up, and loopback up.
struct TestNode {
    let namespace: NetworkNamespace
    let socket: RouteSocket
    let eni: UInt32
    let peer: UInt32

    init() throws {
        namespace = try NetworkNamespace.anonymous()
        socket = try RouteSocket(in: namespace)
        try socket.addVeth(
            NewLink("eni0", mac: mac("02:00:00:00:00:01"), mtu: 9001),
            peer: NewLink("peer0", mac: mac("02:00:00:00:00:02"), mtu: 9001))
        for name in ["lo", "eni0", "peer0"] { try socket.setLink(.name(name), up: true) }
        eni = try socket.index(of: "eni0")
        peer = try socket.index(of: "peer0")
    }

    /// Runs iproute2, for what this room cannot write.
    func run(_ words: String) throws {
        let command = Command(words.split(separator: " ").map(String.init), namespace: namespace)
        let result = try command.run()
        #expect(result.succeeded, "\(words): \(result.errorOutput)")
    }
}

/// Folds what a monitor delivers.
final class Follower {
    let monitor: NetworkMonitor
    private let socket: RouteSocket
    private var batches: Mailbox<Change>.AsyncIterator
    private(set) var state = NetworkState()
    /// Whole states delivered so far.
    private(set) var restarts = 0
    private var marks: UInt32 = 0

    /// Watches a node's namespace and folds the first batch.
    init(
        _ node: TestNode, receiveBufferBytes: Int = NetworkMonitor.receiveBufferBytes
    ) async throws {
        socket = node.socket
        monitor = try NetworkMonitor(in: node.namespace, receiveBufferBytes: receiveBufferBytes)
        batches = monitor.makeAsyncIterator()
        try await step()
    }

    private func step() async throws {
        let batch = try #require(try await batches.next(), "the monitor ended")
        for change in batch {
            switch change {
            case .networkState(let whole):
                state = whole
                restarts += 1
            case .network(let event): state.apply(event)
            default: break
            }
        }
    }

    /// Reads on until the folded state fulfils the condition; a time limit ends a wait in vain.
    func until(_ condition: (NetworkState) throws -> Bool) async throws {
        while try !condition(state) { try await step() }
    }

    /// Reads up to a rule that is added now, again and again until the fold equals a fresh dump.
    ///
    /// A dump shows what the kernel has not announced yet (a tentative IPv6 address) and may never
    /// announce by itself: so each comparison has a marker of its own, instead of waiting for an
    /// event that need not come. A minute without agreement is a failure that names the difference.
    func settle() async throws {
        let patience = ContinuousClock.now + .seconds(60)
        while true {
            marks += 1
            let marker = Rule(family: .v4, priority: 20_000 + marks, table: 9)
            try socket.addRule(marker)
            try await until { $0.rules.contains(marker) }
            let fresh = try socket.networkState()
            if state == fresh { return }
            guard ContinuousClock.now < patience else {
                Issue.record("the fold lacks \(state.events(to: fresh))")
                return
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}

extension NetworkState {
    /// The route to a destination, whichever its metric and interface.
    func route(to destination: CIDR, table: UInt32 = Route.mainTable) -> Route? {
        routes.values.first { $0.destination == destination && $0.table == table }
    }
}
