// Session affinity at a dial: a client stays with its backend whichever frontend it dials, as long
// as its memory is young, of this time of the backend in the service, and in the set that it may
// use.

import BPF
import CDatapath
import Glibc
import Linux
import Model
import Plan
import Testing

@testable import Datapath

@Suite("socket programs: affinity", .enabled(if: geteuid() == 0, "needs root"))
struct SocketAffinityTests {
    /// What is remembered, in one form for both families.
    private struct Memory: Hashable {
        var service: UInt32
        var client: IPAddress
        var backend: UInt32
        var lastUsed: UInt64
    }

    private func memories(_ node: SocketNode, _ at: SocketAddresses) throws -> [Memory] {
        switch at.family {
        case .v4:
            let map: BPFMap<affinity_key4, affinity> = try node.map("affinity4")
            return try map.entries().map { key, value in
                let client = withUnsafeBytes(of: key.client) { IPAddress(octets: Array($0))! }
                return Memory(
                    service: key.service_id, client: client, backend: value.backend_id,
                    lastUsed: value.last_used_ns)
            }
        case .v6:
            let map: BPFMap<affinity_key6, affinity> = try node.map("affinity6")
            return try map.entries().map { key, value in
                let client = withUnsafeBytes(of: key.client) { IPAddress(octets: Array($0))! }
                return Memory(
                    service: key.service_id, client: client, backend: value.backend_id,
                    lastUsed: value.last_used_ns)
            }
        }
    }

    private func write(_ node: SocketNode, _ at: SocketAddresses, _ memory: Memory) throws {
        var value = affinity()
        value.backend_id = memory.backend
        value.last_used_ns = memory.lastUsed
        switch at.family {
        case .v4:
            let map: BPFMap<affinity_key4, affinity> = try node.map("affinity4")
            var key = affinity_key4()
            key.service_id = memory.service
            copyOctets(memory.client, to: &key.client)
            try map.update(key, value)
        case .v6:
            let map: BPFMap<affinity_key6, affinity> = try node.map("affinity6")
            var key = affinity_key6()
            key.service_id = memory.service
            copyOctets(memory.client, to: &key.client)
            try map.update(key, value)
        }
    }

    /// A service with affinity whose clients are known.
    private func world(
        _ at: SocketAddresses, _ change: (inout SocketService) -> Void = { _ in }
    ) async throws -> SocketNode {
        let node = try await SocketNode()
        var service = SocketService(at)
        service.affinityTimeoutSeconds = 60
        change(&service)
        try await node.apply(service.operations)
        try await node.datapath.setNamespace(
            try node.pod.cookie(), dialsFrom: SocketNode.podAddresses)
        return node
    }

    private func went(
        _ node: SocketNode, _ at: SocketAddresses, count: Int = 40
    ) throws -> Set<String> {
        Set(try node.dial(from: node.pod, [SocketDial(.tcp, at.vip, 80, count: count)])[0].keys)
    }

    @Test(
        "all frontends of a service port lead a client to one backend; each new flow counts anew",
        arguments: SocketAddresses.all)
    func oneBackend(_ at: SocketAddresses) async throws {
        let node = try await world(at)
        let dials = SocketService.frontends(at).map { SocketDial(.tcp, $0.1, $0.2, count: 15) }
        let seen = Set(try node.dial(from: node.pod, dials).flatMap(\.keys))
        #expect(seen.count == 1 && seen.isSubset(of: at.cluster.map(SocketService.shown)))
        let first = try memories(node, at)
        #expect(first.map(\.client) == [IPAddress(at.pod)!])
        #expect(try went(node, at) == seen)
        let later = try memories(node, at)
        let (old, new) = (try #require(first.first), try #require(later.first))
        #expect(new.backend == old.backend && new.lastUsed > old.lastUsed)
        // A socket that is bound is another client, and so is the host.
        try await node.set { entry in
            copyOctets(IPAddress(SocketAddresses.v4.node)!, to: &entry.masquerade4)
            copyOctets(IPAddress(SocketAddresses.v6.node)!, to: &entry.masquerade6)
            entry.has_masquerade4 = true
            entry.has_masquerade6 = true
        }
        _ = try node.dial(from: node.host, [SocketDial(.tcp, at.clusterIP, 80)])
        #expect(
            try Set(memories(node, at).map(\.client)) == [
                IPAddress(at.pod)!, IPAddress(at.node)!,
            ])
    }

    @Test(
        "a memory counts while it is young, of this time of the backend, and in the flow's set",
        arguments: SocketAddresses.all)
    func memoryHolds(_ at: SocketAddresses) async throws {
        // The remembered backend is in no slot: who goes there was led by the memory alone.
        let node = try await world(at) {
            $0.cluster = [at.cluster[0]]
            $0.local = [at.cluster[0]]
        }
        let remembered = SocketService(at).backendID(at.cluster[1])
        let backend = Backend(address: IPAddress(at.cluster[1])!, port: 8080, protocol: .tcp)
        func member(cluster: Bool, local: Bool) -> Plan.Operation {
            .setMember(
                ServiceID(rawValue: 1), remembered,
                Membership(isInCluster: cluster, isInLocal: local))
        }
        try await node.apply([
            .setBackend(remembered, backend, .active), member(cluster: true, local: false),
        ])
        func remember(_ lastUsed: UInt64) throws {
            try write(
                node, at,
                Memory(
                    service: 1, client: IPAddress(at.pod)!, backend: remembered.rawValue,
                    lastUsed: lastUsed))
        }
        let led = Set([SocketService.shown(at.cluster[1])])
        let drawn = Set([SocketService.shown(at.cluster[0])])
        func now() -> UInt64 { Monotonic.now().nanoseconds }

        try remember(now())
        #expect(try went(node, at) == led)
        // The member's own age must not be what decides here.
        try setJoined(node, remembered, 1)
        try remember(now() - 61_000_000_000)
        #expect(try went(node, at) == drawn, "its time is over")
        #expect(try memories(node, at).map(\.backend) != [remembered.rawValue])
        try remember(now() - 50_000_000_000)
        #expect(try went(node, at) == led, "almost a minute is not over")

        try setJoined(node, remembered, now())
        try remember(now() - 50_000_000_000)
        #expect(try went(node, at) == drawn, "the backend had left and came back")
        try setJoined(node, remembered, 1)
        try remember(now())
        try await node.apply([member(cluster: false, local: true)])
        #expect(try went(node, at) == drawn, "not in the set that this flow may use")
        try remember(now())
        try await node.apply([member(cluster: true, local: false)])
        #expect(try went(node, at) == led, "setting a member again lets the memory stand")
        try await node.apply([.removeMember(ServiceID(rawValue: 1), remembered)])
        #expect(try went(node, at) == drawn, "no member any more")
    }

    @Test("a member keeps its time of joining until it is removed")
    func joining() async throws {
        let node = try await world(.v4)
        let id = SocketService(.v4).backendID(SocketAddresses.v4.cluster[0])
        let service = ServiceID(rawValue: 1)
        let map: BPFMap<member_key, member> = try node.map("affinity_members")
        func joined() throws -> UInt64? { try map.lookup(member_key(service, id))?.joined_ns }
        let first = try #require(try joined())
        let both = Membership(isInCluster: true, isInLocal: true)
        try await node.apply([.setMember(service, id, both)])
        #expect(try joined() == first)
        try await node.apply([.removeMember(service, id)])
        #expect(try joined() == nil)
        try await node.apply([.setMember(service, id, both)])
        #expect(try #require(try joined()) > first)
    }

    private func setJoined(_ node: SocketNode, _ id: BackendID, _ time: UInt64) throws {
        let map: BPFMap<member_key, member> = try node.map("affinity_members")
        let key = member_key(ServiceID(rawValue: 1), id)
        var entry = try #require(try map.lookup(key))
        entry.joined_ns = time
        try map.update(key, entry)
    }

    @Test(
        "a client that is not known goes to any backend, or to the packet path where that serves",
        arguments: SocketAddresses.all)
    func unknown(_ at: SocketAddresses) async throws {
        let node = try await world(at)
        try await node.datapath.keepNamespaces([])
        #expect(try went(node, at) == Set(at.cluster.map(SocketService.shown)))
        #expect(try memories(node, at).isEmpty)
        let map: BPFMap<UInt32, CDatapath.control> = try node.map("control")
        var entry = try #require(try map.lookup(0))
        entry.services = true
        try map.update(0, entry)
        #expect(try went(node, at) == Set(at.cluster.map(SocketService.shown)), "not for pods")
        entry.pod_routing = true
        try map.update(0, entry)
        #expect(try went(node, at) == ["\(at.vip) 80"])
    }
}
