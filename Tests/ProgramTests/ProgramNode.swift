// A node small enough for one program test: a namespace with two pod veths and an ENI, the datapath
// loaded over a private bpffs, and packets run through its programs by BPF_PROG_TEST_RUN.

import BPF
import CDatapath
import Glibc
import Linux
import Logging
import Model
import Netlink
import Plan

@testable import Datapath

/// What the node looks like in one family.
struct Addresses: Sendable, CustomStringConvertible {
    var family: IPFamily
    var podA: String
    var podB: String
    var node: String
    /// In the VPC, not on this node.
    var remote: String
    var outside: String
    var gateway: String
    var vpc: String

    static let v4 = Addresses(
        family: .v4, podA: "10.0.1.10", podB: "10.0.1.11", node: "10.0.0.5", remote: "10.0.9.9",
        outside: "1.1.1.1", gateway: "10.0.0.1", vpc: "10.0.0.0/16")
    static let v6 = Addresses(
        family: .v6, podA: "fd00:1::a", podB: "fd00:1::b", node: "fd00:1::5",
        remote: "fd00:1:9::9", outside: "2606:4700::1", gateway: "fe80::1", vpc: "fd00:1::/32")

    var description: String { family == .v4 ? "IPv4" : "IPv6" }
}

/// What became of a packet.
enum Verdict: Hashable {
    /// Left to the stack.
    case next
    /// Redirected: into a pod or out of an ENI.
    case redirect
    case other(UInt32)

    init(_ result: UInt32) {
        switch result {
        case UInt32.max: self = .next
        case 7: self = .redirect
        default: self = .other(result)
        }
    }
}

final class ProgramNode: Sendable {
    let namespace: NetworkNamespace
    let peers: NetworkNamespace
    let bpffs: String
    let datapath: Datapath
    let vethA: UInt32
    let vethB: UInt32
    let eni: UInt32

    static let hostMACA = MACAddress("02:00:00:00:0a:01")!
    static let hostMACB = MACAddress("02:00:00:00:0b:01")!
    static let podMACA = MACAddress("02:00:00:00:0a:02")!
    static let podMACB = MACAddress("02:00:00:00:0b:02")!
    static let eniMAC = MACAddress("02:00:00:00:0e:01")!
    static let gatewayMAC = MACAddress("02:00:00:00:0e:02")!
    static let mtu: UInt32 = 1500

    init(podRouting: Bool = true) async throws {
        let peers = try NetworkNamespace.anonymous()
        let namespace = try NetworkNamespace.anonymous()
        let name = "/run/needletail-program-test-\(UInt64.random(in: 0...UInt64.max))"
        bpffs = name
        try BPFFileSystem.mount(at: name)
        let route = try namespace.run { try RouteSocket() }
        func veth(_ host: String, _ mac: MACAddress, _ peerMAC: MACAddress) throws -> UInt32 {
            try route.addVeth(
                NewLink(host, mac: mac, mtu: Self.mtu),
                peer: NewLink(host, mac: peerMAC, mtu: Self.mtu, namespace: peers))
            try route.setLink(.name(host), up: true)
            return try route.index(of: .name(host))
        }
        self.peers = peers
        self.namespace = namespace
        vethA = try veth("enia", Self.hostMACA, Self.podMACA)
        vethB = try veth("enib", Self.hostMACB, Self.podMACB)
        eni = try veth("eth0", Self.eniMAC, Self.gatewayMAC)
        let configuration = DatapathConfiguration(
            bpffs: name + "/needletail", cgroup: nil, podRouting: podRouting)
        datapath = try namespace.run {
            try Datapath(configuration, logger: Logger(label: "test"))
        }
    }

    deinit {
        try? PinnedDatapath(bpffs: bpffs + "/needletail").cleanUp()
        try? BPFFileSystem.unmount(bpffs)
        rmdir(bpffs)
    }

    /// Programs both pods, the host's address and the VPC's prefix of one family.
    func program(
        _ addresses: Addresses, changeA: (inout DesiredPod) -> Void = { _ in },
        changeB: (inout DesiredPod) -> Void = { _ in }
    ) async throws {
        let way = PodENI(
            interface: eni, mac: Self.eniMAC, mtu: Self.mtu,
            nextHop: IPAddress(addresses.gateway)!, nextHopMAC: Self.gatewayMAC)
        var a = DesiredPod(
            address: IPAddress(addresses.podA)!, veth: vethA, vethMAC: Self.hostMACA,
            mtu: Self.mtu, podMAC: Self.podMACA, watched: nil, eni: way)
        var b = DesiredPod(
            address: IPAddress(addresses.podB)!, veth: vethB, vethMAC: Self.hostMACB,
            mtu: Self.mtu, podMAC: Self.podMACB, watched: nil, eni: way)
        changeA(&a)
        changeB(&b)
        let node = IPAddress(addresses.node)!
        let vpc = CIDR(addresses.vpc)!
        try await apply([
            .setPod(a), .setPod(b), .setLocalAddress(node, acceptsNodePorts: true),
            .setPrefix(vpc, PrefixClass(isInsideVPC: true, isExcludedFromSNAT: false)),
        ])
    }

    func apply(_ operations: [Operation]) async throws {
        let plan = UnitPlan(unit: .interface(0), operations: operations)
        for outcome in await datapath.apply([plan]) {
            if let failure = outcome.failure { throw ApplyFailure(text: failure) }
        }
    }

    struct ApplyFailure: Error { let text: String }

    /// Names another generation as the one that acts; the switches stay as they are.
    func setGeneration(_ generation: UInt32) throws {
        let map = try BPFMap<UInt32, CDatapath.control>(
            pinned: bpffs + "/needletail/v1/maps/control")
        var entry = try map.lookup(0) ?? CDatapath.control()
        entry.generation = generation
        try map.update(0, entry)
    }

    /// Runs a frame through the pod program as if it came from this veth.
    func fromPod(
        _ interface: UInt32, _ frame: [UInt8], gsoSize: UInt32 = 0
    ) throws -> (Verdict, [UInt8]) {
        try run(datapath.programs.pod, interface, frame, gsoSize)
    }

    /// Runs a frame through the ENI program as if the ENI had received it.
    func fromENI(_ frame: [UInt8], gsoSize: UInt32 = 0) throws -> (Verdict, [UInt8]) {
        try run(datapath.programs.eni, eni, frame, gsoSize)
    }

    /// Runs a frame through the program that sees what the stack sends to this veth's pod.
    func toPod(
        _ interface: UInt32, _ frame: [UInt8], gsoSize: UInt32 = 0
    ) throws -> (Verdict, [UInt8]) {
        try run(datapath.programs.podOut, interface, frame, gsoSize)
    }

    /// Runs a frame through the program that sees what the stack sends by the ENI.
    func toENI(_ frame: [UInt8], gsoSize: UInt32 = 0) throws -> (Verdict, [UInt8]) {
        try run(datapath.programs.eniOut, eni, frame, gsoSize)
    }

    private func run(
        _ loaded: LoadedProgram, _ interface: UInt32, _ frame: [UInt8], _ gsoSize: UInt32
    ) throws -> (Verdict, [UInt8]) {
        // struct __sk_buff, linux/bpf.h: ifindex at 40, gso_size at 176.
        var context = [UInt8](repeating: 0, count: 192)
        for (offset, value) in [(40, interface), (176, gsoSize)] {
            withUnsafeBytes(of: value) { context.replaceSubrange(offset..<offset + 4, with: $0) }
        }
        let bytes = context
        let result = try namespace.run {
            try loaded.program.testRun(packet: frame, context: bytes)
        }
        return (Verdict(result.result), result.packet)
    }

    /// Counts by reason name.
    func counts() async throws -> [String: UInt64] {
        var counts: [String: UInt64] = [:]
        for (reason, count) in try await datapath.counters() { counts[reason.name] = count.packets }
        return counts
    }
}
