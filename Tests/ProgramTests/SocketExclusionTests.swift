// Dials that the socket programs leave to the packet path: of excluded cgroups and all below them,
// or of all pods.

import Datapath
import Glibc
import Linux
import Model
import Plan
import Testing

@Suite("socket programs: exclusions", .enabled(if: geteuid() == 0, "needs root"))
struct SocketExclusionTests {
    private func backends(_ at: SocketAddresses) -> Set<String> {
        Set(at.cluster.map(SocketService.shown))
    }

    @Test(
        "an excluded cgroup's dials are untouched, and those of all below it; its neighbours' are not",
        arguments: SocketAddresses.all)
    func cgroups(_ at: SocketAddresses) async throws {
        let node = try await SocketNode(leftAlone: .init(excludedCgroups: true))
        try await node.apply(SocketService(at).operations)
        let groups = ["pod", "pod/container", "pod/container/deeper", "neighbour"]
            .map(node.cgroup.child)
        for group in groups { try group.create() }
        defer { for group in groups.reversed() { try? group.remove() } }
        func went(_ group: ControlGroup) throws -> Set<String> {
            let dial = SocketDial(.udp, at.clusterIP, 80)
            let tcp = SocketDial(.tcp, at.clusterIP, 80, count: 40)
            return Set(
                try node.dial(from: node.pod, in: group, [tcp, dial]).map(\.keys).joined())
        }
        let untouched = "\(at.clusterIP) 80"
        let served = backends(at).union([untouched])  // only TCP is a service here
        for group in groups { #expect(try went(group) == served) }
        try await node.datapath.exclude(cgroups: [try groups[0].id()])
        for group in groups.prefix(3) { #expect(try went(group) == [untouched]) }
        #expect(try went(groups[3]) == served)
        #expect(try went(node.cgroup) == served)
        #expect(try await node.counts()["excluded"] == 3 * 40)
        try await node.datapath.exclude(cgroups: [try groups[1].id(), try groups[3].id()])
        #expect(try went(groups[0]) == served)
        for group in groups.dropFirst() { #expect(try went(group) == [untouched]) }
        try await node.datapath.exclude(cgroups: [])
        for group in groups { #expect(try went(group) == served) }
    }

    @Test(
        "host-only: pods' dials are untouched, the host's are translated",
        arguments: SocketAddresses.all)
    func hostOnly(_ at: SocketAddresses) async throws {
        let node = try await SocketNode(leftAlone: .init(pods: true))
        try await node.apply(SocketService(at).operations)
        for (_, address, port) in SocketService.frontends(at) {
            let dial = [SocketDial(.tcp, address, port, count: 40)]
            #expect(Set(try node.dial(from: node.pod, dial)[0].keys) == ["\(address) \(port)"])
            #expect(Set(try node.dial(from: node.host, dial)[0].keys) == backends(at))
        }
    }
}
