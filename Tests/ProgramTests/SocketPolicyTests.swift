// The socket programs' decisions: which frontends they serve, for pods and for the host, and to
// which set of backends each policy leads. Both families, TCP and UDP.

import BPF
import CDatapath
import Glibc
import Linux
import Model
import Plan
import Testing

@testable import Datapath

@Suite("socket programs: policies", .enabled(if: geteuid() == 0, "needs root"))
struct SocketPolicyTests {
    /// Dials every frontend of a family once or more and gives the outcomes by kind.
    private func outcomes(
        _ node: SocketNode, from namespace: NetworkNamespace, _ at: SocketAddresses,
        _ kind: SocketDial.Kind = .tcp, count: Int = 40
    ) throws -> [FrontendKind: Set<String>] {
        let frontends = SocketService.frontends(at)
        let seen = try node.dial(
            from: namespace, frontends.map { SocketDial(kind, $0.1, $0.2, count: count) })
        return Dictionary(
            uniqueKeysWithValues: zip(frontends, seen).map { ($0.0, Set($1.keys)) })
    }

    private static let external: [FrontendKind] = [.externalIP, .loadBalancer, .nodePort]

    private func shown(_ backends: [String]) -> Set<String> {
        Set(backends.map(SocketService.shown))
    }

    /// What an untouched dial of each frontend shows.
    private func untouched(_ at: SocketAddresses, _ kind: FrontendKind) -> Set<String> {
        let frontend = SocketService.frontends(at).first { $0.0 == kind }!
        return ["\(frontend.1) \(frontend.2)"]
    }

    @Test(
        "ClusterIP, external IP, load balancer and NodePort go to a backend, for pods and the host",
        arguments: SocketAddresses.all)
    func frontends(_ at: SocketAddresses) async throws {
        let node = try await SocketNode()
        for (id, transport) in [(UInt32(1), L4Protocol.tcp), (2, .udp)] {
            var service = SocketService(at)
            service.protocol = transport
            service.id = id
            try await node.apply(service.operations)
        }
        for namespace in [node.host, node.pod] {
            for kind in SocketDial.Kind.allCases {
                let seen = try outcomes(node, from: namespace, at, kind)
                for (frontend, went) in seen {
                    #expect(went == shown(at.cluster), "\(kind) to \(frontend)")
                }
            }
        }
    }

    @Test("an IPv4-mapped dial on an IPv6 socket reaches every IPv4 frontend")
    func mapped() async throws {
        let node = try await SocketNode()
        try await node.apply(SocketService(.v4).operations)
        for namespace in [node.host, node.pod] {
            let seen = try node.dial(
                from: namespace,
                SocketService.frontends(.v4).map { SocketDial(.tcp, "::ffff:\($0.1)", $0.2) })
            for went in seen {
                #expect(Set(went.keys).isSubset(of: shown(SocketAddresses.v4.cluster)))
            }
        }
    }

    @Test(
        "a NodePort answers on the host's addresses that accept it, and nowhere else",
        arguments: SocketAddresses.all)
    func nodePortAddresses(_ at: SocketAddresses) async throws {
        let node = try await SocketNode()
        try await node.apply(SocketService(at).operations)
        try await node.apply([
            .setLocalAddress(IPAddress(at.elsewhere)!, acceptsNodePorts: false),
            .setLocalAddress(IPAddress(at.loopback)!, acceptsNodePorts: true),
        ])
        let zero = at.family == .v4 ? "0.0.0.0" : "::"
        let port = SocketService.nodePort
        for namespace in [node.host, node.pod] {
            let seen = try node.dial(
                from: namespace,
                [
                    SocketDial(.udp, at.node, port), SocketDial(.udp, at.elsewhere, port),
                    SocketDial(.udp, at.pod, port), SocketDial(.udp, at.clusterIP, port),
                    SocketDial(.udp, at.node, 80), SocketDial(.udp, zero, port),
                ])
            let own = "\(at.loopback) \(port)"
            // TCP only is a node port here: UDP is not.
            #expect(
                seen.flatMap(\.keys) == [
                    "\(at.node) \(port)", "\(at.elsewhere) \(port)", "\(at.pod) \(port)",
                    "\(at.clusterIP) \(port)", "\(at.node) 80", own,
                ])
            let tcp = try node.dial(
                from: namespace,
                [
                    SocketDial(.tcp, at.elsewhere, port), SocketDial(.tcp, at.clusterIP, port),
                    SocketDial(.tcp, at.node, 80),
                ])
            let refused = namespace === node.host ? "ECONNREFUSED" : "\(at.node) 80"
            #expect(
                tcp.flatMap(\.keys) == [
                    "\(at.elsewhere) \(port)", "\(at.clusterIP) \(port)", refused,
                ])
            // Nothing listens in either namespace: what was not translated is refused.
            let itself = try node.dial(
                from: namespace,
                [SocketDial(.tcp, zero, port), SocketDial(.tcp, at.loopback, port)])
            #expect(Set(itself[0].keys) == ["ECONNREFUSED"], "all zero is the dialler itself")
            // Loopback is each namespace's own: the host's may accept, a pod's is never asked.
            let loopback = Set(itself[1].keys)
            #expect(
                namespace === node.pod
                    ? loopback == ["ECONNREFUSED"] : loopback.isSubset(of: shown(at.cluster)))
        }
        #expect(try await node.counts()["refused_no_backend"] == nil)
    }

    @Test(
        "externalTrafficPolicy Local: senders on the node reach all backends; without detection a pod stays with the local ones",
        arguments: SocketAddresses.all)
    func externalLocal(_ at: SocketAddresses) async throws {
        let node = try await SocketNode()
        var service = SocketService(at)
        service.externalPolicy = .local
        try await node.apply(service.operations)
        for detection in [DETECT_INTERFACES, DETECT_NONE] {
            try await node.set { $0.detect_local = detection }
            let host = try outcomes(node, from: node.host, at)
            let pod = try outcomes(node, from: node.pod, at)
            let podsBackends = detection == DETECT_NONE ? [at.local] : at.cluster
            for kind in Self.external {
                #expect(host[kind] == shown(at.cluster))
                #expect(pod[kind] == shown(podsBackends))
            }
            // The internal policy is another matter.
            #expect(host[.clusterIP] == shown(at.cluster))
            #expect(pod[.clusterIP] == shown(at.cluster))
        }
    }

    @Test(
        "Local without a local backend: what would be dropped is left alone, never an error",
        arguments: SocketAddresses.all)
    func localEmpty(_ at: SocketAddresses) async throws {
        let node = try await SocketNode()
        var service = SocketService(at)
        service.externalPolicy = .local
        service.internalPolicy = .local
        service.local = []
        try await node.apply(service.operations)
        try await node.set { $0.detect_local = DETECT_NONE }
        let pod = try outcomes(node, from: node.pod, at, count: 1)
        for (kind, went) in pod { #expect(went == untouched(at, kind)) }
        #expect(try await node.counts()["declined"] == 4)
        try await node.set { $0.detect_local = DETECT_INTERFACES }
        for namespace in [node.pod, node.host] {
            let seen = try outcomes(node, from: namespace, at)
            #expect(seen[.clusterIP] == untouched(at, .clusterIP))
            for kind in Self.external { #expect(seen[kind] == shown(at.cluster)) }
        }
    }

    @Test(
        "internalTrafficPolicy Local leads to the local set; nothing usable anywhere is refused",
        arguments: SocketAddresses.all)
    func internalLocal(_ at: SocketAddresses) async throws {
        let node = try await SocketNode()
        var service = SocketService(at)
        service.internalPolicy = .local
        try await node.apply(service.operations)
        for namespace in [node.pod, node.host] {
            let seen = try outcomes(node, from: namespace, at)
            #expect(seen[.clusterIP] == shown([at.local]))
            for kind in Self.external { #expect(seen[kind] == shown(at.cluster)) }
        }
        service.cluster = []
        service.local = []
        service.isUsableAnywhere = false
        try await node.apply(service.operations)
        for namespace in [node.pod, node.host] {
            for (_, went) in try outcomes(node, from: namespace, at, count: 1) {
                #expect(went == ["ECONNREFUSED"])
            }
        }
        #expect(try await node.counts()["refused_no_backend"] == 8)
    }

    @Test(
        "a ClusterIP that the host has on an interface is the host's, from when it appears until it goes",
        arguments: SocketAddresses.all)
    func nodeLocal(_ at: SocketAddresses) async throws {
        let node = try await SocketNode()
        var service = SocketService(at)
        service.protocol = .udp
        try await node.apply(service.operations)
        let address = IPAddress(at.clusterIP)!
        for namespace in [node.pod, node.host] {
            func went() throws -> Set<String>? {
                try outcomes(node, from: namespace, at, .udp)[.clusterIP]
            }
            #expect(try went() == shown(at.cluster))
            try await node.apply([.setLocalAddress(address, acceptsNodePorts: true)])
            #expect(try went() == untouched(at, .clusterIP))
            try await node.apply([.removeLocalAddress(address)])
            #expect(try went() == shown(at.cluster))
            // An external IP may be an address of the host: the service has it all the same.
            let external = IPAddress(at.externalIP)!
            try await node.apply([.setLocalAddress(external, acceptsNodePorts: true)])
            #expect(
                try outcomes(node, from: namespace, at, .udp)[.externalIP] == shown(at.cluster))
            try await node.apply([.removeLocalAddress(external)])
        }
    }
}
