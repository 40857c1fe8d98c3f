// Source ranges at a dial: the hook runs before the kernel chooses a source address, so it must
// know it from the socket's binding, the pod's namespace or the node's settings, or leave the dial
// alone.

import BPF
import CDatapath
import Glibc
import Linux
import Model
import Plan
import Testing

@testable import Datapath

@Suite("socket programs: source ranges", .enabled(if: geteuid() == 0, "needs root"))
struct SocketRangeTests {
    /// The VIP lets these prefixes come and nobody else.
    private func allow(_ node: SocketNode, _ at: SocketAddresses, _ addresses: [String]) throws {
        for address in addresses {
            switch at.family {
            case .v4:
                let map: BPFMap<source_range4, source_verdict> = try node.map("source_ranges4")
                var key = source_range4()
                key.prefix_length = 64
                key.service_id = 1
                copyOctets(IPAddress(address)!, to: &key.address)
                try map.update(key, source_verdict(allowed: true, reserved: (0, 0, 0)))
            case .v6:
                let map: BPFMap<source_range6, source_verdict> = try node.map("source_ranges6")
                var key = source_range6()
                key.prefix_length = 160
                key.service_id = 1
                copyOctets(IPAddress(address)!, to: &key.address)
                try map.update(key, source_verdict(allowed: true, reserved: (0, 0, 0)))
            }
        }
    }

    /// Marks the VIP's head, as the agent does for a Service with ranges.
    private func restrict(_ node: SocketNode, _ at: SocketAddresses) throws {
        let frontend = Frontend(address: IPAddress(at.vip)!, port: 80, protocol: .tcp)
        switch at.family {
        case .v4:
            let map: BPFMap<frontend4, service_head> = try node.map("services4")
            var head = try #require(try map.lookup(frontend4(frontend)))
            head.has_source_ranges = true
            try map.update(frontend4(frontend), head)
        case .v6:
            let map: BPFMap<frontend6, service_head> = try node.map("services6")
            var head = try #require(try map.lookup(frontend6(frontend)))
            head.has_source_ranges = true
            try map.update(frontend6(frontend), head)
        }
    }

    private func backends(_ at: SocketAddresses) -> Set<String> {
        Set(at.cluster.map(SocketService.shown))
    }

    @Test(
        "a pod is judged by its namespace's address: allowed, forbidden, and left alone while unknown",
        arguments: SocketAddresses.all)
    func pods(_ at: SocketAddresses) async throws {
        let node = try await SocketNode()
        try await node.apply(SocketService(at).operations)
        try restrict(node, at)
        let dial = [SocketDial(.tcp, at.vip, 80, count: 40), SocketDial(.tcp, at.externalIP, 80)]
        func went() throws -> [Set<String>] {
            try node.dial(from: node.pod, dial).map { Set($0.keys) }
        }
        try allow(node, at, [at.pod])
        #expect(try went()[0] == ["\(at.vip) 80"], "nobody knows who this is")
        #expect(try went()[1].isSubset(of: backends(at)), "the ranges are the VIP's alone")
        let cookie = try node.pod.cookie()
        try await node.datapath.setNamespace(cookie, dialsFrom: SocketNode.podAddresses)
        #expect(try went()[0] == backends(at))
        try await node.datapath.setNamespace(cookie, dialsFrom: [IPAddress(at.elsewhere)!])
        #expect(try went()[0] == ["\(at.vip) 80"], "another address is not in the range")
        let other = SocketNode.podAddresses.filter { $0.family != at.family }
        try await node.datapath.setNamespace(cookie, dialsFrom: other)
        #expect(try went()[0] == ["\(at.vip) 80"], "its address of this family is unknown")
        try await node.datapath.setNamespace(cookie, dialsFrom: SocketNode.podAddresses)
        try await node.datapath.keepNamespaces([cookie])
        #expect(try went()[0] == backends(at))
        try await node.datapath.keepNamespaces([])
        #expect(try went()[0] == ["\(at.vip) 80"])
    }

    @Test(
        "the host is judged by the node's address, a bound socket by what it is bound to",
        arguments: SocketAddresses.all)
    func host(_ at: SocketAddresses) async throws {
        let node = try await SocketNode()
        try await node.apply(SocketService(at).operations)
        try restrict(node, at)
        try allow(node, at, [at.node])
        func went(_ bind: String?, from namespace: NetworkNamespace) throws -> Set<String> {
            let dial = SocketDial(.tcp, at.vip, 80, bind: bind, count: 40)
            return Set(try node.dial(from: namespace, [dial])[0].keys)
        }
        #expect(try went(nil, from: node.host) == ["\(at.vip) 80"], "no address is set")
        #expect(try went(at.node, from: node.host) == backends(at))
        try await node.set { entry in
            switch at.family {
            case .v4:
                copyOctets(IPAddress(at.node)!, to: &entry.masquerade4)
                entry.has_masquerade4 = true
            case .v6:
                copyOctets(IPAddress(at.node)!, to: &entry.masquerade6)
                entry.has_masquerade6 = true
            }
        }
        #expect(try went(nil, from: node.host) == backends(at))
        // What the pod is bound to counts, not what is known of its namespace.
        try await node.datapath.setNamespace(
            try node.pod.cookie(), dialsFrom: [IPAddress(at.node)!])
        #expect(try went(nil, from: node.pod) == backends(at))
        #expect(try went(at.pod, from: node.pod) == ["\(at.vip) 80"])
    }
}
