// The datapath over a private bpffs: what is written is what is restored, a restart adopts it, and
// cleaning up leaves nothing.

import BPF
import Glibc
import Linux
import Logging
import Model
import Netlink
import Plan
import Testing

@testable import Datapath

/// A bpffs of its own, unmounted at the end.
final class PrivateBPFFS: Sendable {
    let path: String

    init() throws {
        path = "/run/needletail-datapath-test-\(UInt64.random(in: 0...UInt64.max))"
        try BPFFileSystem.mount(at: path)
    }

    var root: String { path + "/needletail" }

    func open(in namespace: NetworkNamespace) throws -> Datapath {
        let configuration = DatapathConfiguration(bpffs: root, cgroup: nil)
        return try namespace.run {
            try Datapath(configuration, logger: Logger(label: "test"))
        }
    }

    deinit {
        try? BPFFileSystem.unmount(path)
        rmdir(path)
    }
}

@Suite("datapath", .enabled(if: geteuid() == 0, "needs root"))
struct DatapathTests {
    /// Nothing of it as it would be by default.
    static let node = DesiredNode(
        primaryInterface: 5, masqueradeV4: IPAddress("10.0.0.2")!,
        masqueradeV6: IPAddress("fd00::2")!, localDetection: .none, newFlowsPerSecond: 7,
        masqueradePorts: 50000...50001, masqueradesAll: true)

    static func sample() -> [Operation] {
        var operations: [Operation] = []
        for (index, family) in [("10.0.0.", IPFamily.v4), ("fd00::", .v6)].enumerated() {
            func address(_ host: Int) -> IPAddress { IPAddress("\(family.0)\(host)")! }
            let id = UInt32(index * 10 + 1)
            let backend = Backend(address: address(7), port: 8080, protocol: .udp)
            operations += [
                .setBackend(BackendID(rawValue: id), backend, .draining),
                .setSlot(
                    SlotKey(service: ServiceID(rawValue: id), set: .local, slot: 0),
                    BackendID(rawValue: id)),
                .setMember(
                    ServiceID(rawValue: id), BackendID(rawValue: id),
                    Membership(isInCluster: false, isInLocal: true)),
                .setSourceRange(ServiceID(rawValue: id), CIDR(host: address(200))),
                .setSourceRange(
                    ServiceID(rawValue: id), CIDR(address(0), prefixLength: family.1.bits / 4)!),
                .setFrontend(
                    Frontend(address: address(1), port: 53, protocol: .udp),
                    ServiceHead(
                        id: ServiceID(rawValue: id), kind: .loadBalancer, clusterCount: 0,
                        localCount: 1, internalPolicy: .local, externalPolicy: .local,
                        affinityTimeoutSeconds: 10800, isUsableAnywhere: true,
                        hasSourceRanges: true)),
                .setPod(
                    DesiredPod(
                        address: address(9), veth: 77, vethMAC: MACAddress("02:00:00:00:00:01")!,
                        mtu: 9001, podMAC: MACAddress("02:00:00:00:00:02")!, watched: nil,
                        eni: PodENI(
                            interface: 5, mac: MACAddress("02:00:00:00:00:03")!, mtu: 9001,
                            nextHop: address(254), nextHopMAC: nil))),
                .setLocalAddress(address(2), acceptsNodePorts: true),
                .setPrefix(
                    CIDR(address(0), prefixLength: 16)!,
                    PrefixClass(isInsideVPC: true, isExcludedFromSNAT: true)),
                .setENI(
                    ENIKey(interface: 5, family: family.1),
                    ENIEgress(
                        mac: MACAddress("02:00:00:00:00:03")!, mtu: 9001,
                        nextHopMAC: family.1 == .v4 ? MACAddress("02:00:00:00:00:04")! : nil)),
                .setVeth(
                    77 + UInt32(index),
                    family.1 == .v4
                        ? VethAddresses(v4: address(9))
                        : VethAddresses(v4: IPAddress("10.0.0.9")!, v6: address(9))),
            ]
        }
        operations += [
            .setPod(
                DesiredPod(
                    address: IPAddress("10.0.0.10")!, veth: 79,
                    vethMAC: MACAddress("02:00:00:00:00:01")!, mtu: 9001, podMAC: nil,
                    watched: .policyAgent, eni: nil)),
            .setNode(node), .switchServices(true),
        ]
        return operations
    }

    @Test("what is written comes back, in both families, also to an agent that starts anew")
    func restores() async throws {
        let bpffs = try PrivateBPFFS()
        let namespace = try NetworkNamespace.anonymous()
        var expected = Image()
        for operation in Self.sample() { expected.apply(operation) }

        let first = try bpffs.open(in: namespace)
        let plan = UnitPlan(unit: .interface(0), operations: Self.sample())
        let outcome = await first.apply([plan])
        #expect(outcome.map(\.applied) == [Self.sample().count])
        #expect(try await first.restore() == expected)

        let second = try bpffs.open(in: namespace)
        #expect(try await second.restore() == expected)
        #expect(try PinnedDatapath(bpffs: bpffs.root).image() == expected)
    }

    @Test("programs are inert until activation; a restart keeps the generation and its effect")
    func generations() async throws {
        let bpffs = try PrivateBPFFS()
        let namespace = try NetworkNamespace.anonymous()
        let first = try bpffs.open(in: namespace)
        #expect(await first.isActive() == false)
        #expect(!Pin.exists(bpffs.root + "/maps"))
        try await first.activate()
        #expect(await first.isActive())
        #expect(Pin.exists(bpffs.root + "/maps/services4"))

        let second = try bpffs.open(in: namespace)
        #expect(second.generation == first.generation)
        #expect(await second.isActive())
    }

    @Test("activation and the switch for services leave each other's part of the entry alone")
    func control() async throws {
        let bpffs = try PrivateBPFFS()
        let datapath = try bpffs.open(in: try NetworkNamespace.anonymous())
        func write(_ operation: Operation) async throws {
            let outcome = await datapath.apply([UnitPlan(unit: .node, operations: [operation])])
            #expect(outcome.map(\.failure) == [nil])
        }
        try await write(.switchServices(true))
        #expect(await !datapath.isActive())
        try await datapath.activate()
        #expect(try await datapath.restore().translatesServices)
        try await write(.switchServices(false))
        #expect(await datapath.isActive())
        #expect(try await !datapath.restore().translatesServices)
    }

    @Test("what is removed of the node, its ENIs and its veths is gone, twice without harm")
    func removesNode() async throws {
        let bpffs = try PrivateBPFFS()
        let datapath = try bpffs.open(in: try NetworkNamespace.anonymous())
        let removals: [Operation] =
            [.switchServices(false), .removeNode, .removeVeth(77), .removeVeth(78)]
            + IPFamily.allCases.map { .removeENI(ENIKey(interface: 5, family: $0)) }
        let plan = UnitPlan(unit: .node, operations: Self.sample() + removals + removals)
        #expect(await datapath.apply([plan]).map(\.failure) == [nil])
        let image = try await datapath.restore()
        #expect(image.enis.isEmpty && image.veths.isEmpty)
        #expect(image.node == nil && !image.translatesServices)
        #expect(image.pods.count == 3)
    }

    @Test("programs sit on their interfaces the way this kernel takes them, and come off again")
    func attaches() async throws {
        let bpffs = try PrivateBPFFS()
        let namespace = try NetworkNamespace.anonymous()
        let route = try RouteSocket(in: namespace)
        try route.addVeth(NewLink("eniaaaa"), peer: NewLink("peer"))
        let veth = try route.index(of: "eniaaaa")
        let unit = Unit.interface(veth)
        let datapath = try bpffs.open(in: namespace)
        func attached() async -> [String] {
            await datapath.attachments().filter(\.isAttached).map {
                "\($0.hook) \($0.program) \($0.target)"
            }
        }
        let attach = UnitPlan(unit: unit, operations: [.attach(veth, .pod)])
        // Twice: a retry puts the program in its own place.
        for _ in 0..<2 { #expect(await datapath.apply([attach]).map(\.failure) == [nil]) }
        let kind = datapath.interfaceHookKind
        #expect(
            await attached() == [
                "\(kind) egress needletail_pod_out interface \(veth)",
                "\(kind) ingress needletail_pod interface \(veth)",
            ])
        #expect(try await datapath.foreignPrograms(on: [veth]) == [veth: false])

        let detach = UnitPlan(unit: unit, operations: [.detach(veth, .pod)])
        for _ in 0..<2 { #expect(await datapath.apply([detach]).map(\.failure) == [nil]) }
        #expect(await attached() == [])

        #expect(await datapath.apply([attach]).map(\.failure) == [nil])
        try route.deleteLink("eniaaaa")
        #expect(await datapath.apply([detach]).map(\.failure) == [nil], "the veth went first")
    }

    @Test("cleaning up takes every pin away, twice without harm, and nothing of others")
    func cleansUp() async throws {
        let bpffs = try PrivateBPFFS()
        let namespace = try NetworkNamespace.anonymous()
        try Directory.create(bpffs.path + "/somebody-else")
        let before = try Directory.entries(bpffs.path)
        try await bpffs.open(in: namespace).activate()
        let pinned = PinnedDatapath(bpffs: bpffs.root)
        #expect(pinned.exists)
        try namespace.run { try pinned.cleanUp() }
        #expect(!pinned.exists)
        try namespace.run { try pinned.cleanUp() }
        #expect(try Directory.entries(bpffs.path) == before)
    }

    @Test("a bpffs that we mounted goes with us once it is empty, and not before")
    func unmounts() async throws {
        let root = "/run/needletail-datapath-test-\(UInt64.random(in: 0...UInt64.max))"
        defer {
            try? BPFFileSystem.unmount(root)
            rmdir(root)
        }
        let namespace = try NetworkNamespace.anonymous()
        func open() throws {
            try namespace.run {
                let configuration = DatapathConfiguration(bpffs: root, cgroup: nil)
                _ = try Datapath(configuration, logger: Logger(label: "test"))
            }
        }
        try open()
        #expect(BPFFileSystem.contains(root))
        try Directory.create(root + "/somebody-else")
        try namespace.run { try PinnedDatapath(bpffs: root).cleanUp() }
        #expect(try Directory.entries(root).filter { !$0.hasSuffix(".debug") } == ["somebody-else"])
        rmdir(root + "/somebody-else")
        try BPFFileSystem.unmount(root)

        for _ in 0..<2 { try open() }  // a restart finds the mount
        try namespace.run { try PinnedDatapath(bpffs: root).cleanUp() }
        #expect(!BPFFileSystem.contains(root))
        #expect(access(root, F_OK) != 0)
    }

    @Test(
        "a map that is full refuses the newcomer by name, keeps what is in it, goes on with others")
    func fullMap() async throws {
        let bpffs = try PrivateBPFFS()
        let datapath = try bpffs.open(in: try NetworkNamespace.anonymous())
        // vpc_cidrs4 holds 256 prefixes.
        let plans = (0...256).map { index in
            let cidr = CIDR(
                IPAddress(v4: 10, UInt8(index / 256), UInt8(index % 256), 0), prefixLength: 24)!
            return UnitPlan(
                unit: .prefix(cidr),
                operations: [
                    .setPrefix(cidr, PrefixClass(isInsideVPC: true, isExcludedFromSNAT: false))
                ])
        }
        let after = UnitPlan(
            unit: .localAddress(IPAddress("10.0.0.1")!),
            operations: [.setLocalAddress(IPAddress("10.0.0.1")!, acceptsNodePorts: true)])
        let outcomes = await datapath.apply(plans + [after])
        let failed = outcomes.filter { $0.failure != nil }
        #expect(failed.map(\.unit) == [.prefix(CIDR("10.1.0.0/24")!)])
        #expect(failed.first?.failure?.contains("10.1.0.0/24") == true)
        #expect(failed.first?.failure?.contains("full") == true)
        let image = try await datapath.restore()
        #expect(image.prefixes.count == 256)
        #expect(image.localAddresses.count == 1)
    }
}
