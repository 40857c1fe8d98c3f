// Who may dial a Service's load balancer addresses.

import Model
import Testing

@testable import Resolve

private func range(_ text: String) -> CIDR { CIDR(text)! }

private func service(_ ranges: [String], addresses: [String] = ["203.0.113.1", "2001:db8::1"])
    -> Service
{
    Service(
        type: .loadBalancer, clusterIPs: [],
        ports: [ServicePort(name: "http", port: 80, nodePort: 30080)],
        loadBalancerIPs: addresses.map { IPAddress($0)! }, sourceRanges: ranges.map { CIDR($0)! })
}

@Suite struct SourceRangeTests {
    @Test("ranges are their family's, sorted, each once; a family without any is open")
    func families() {
        let both = ["192.0.2.0/24", "10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32"]
        let rows: [(ranges: [String], v4: [String], v6: [String])] = [
            ([], [], []), (both, ["10.0.0.0/8", "192.0.2.0/24"], ["2001:db8::/32"]),
            (["10.0.0.0/8"], ["10.0.0.0/8"], []), (["2001:db8::/32"], [], ["2001:db8::/32"]),
        ]
        for row in rows {
            let sampled = Sampled(service(row.ranges))
            #expect(sampled.ports(.v4).first?.sourceRanges == row.v4.map(range), "\(row.ranges)")
            #expect(sampled.ports(.v6).first?.sourceRanges == row.v6.map(range), "\(row.ranges)")
        }
    }

    @Test("a prefix of length zero opens its family, whatever stands beside it")
    func everybody() {
        let sampled = Sampled(service(["10.0.0.0/8", "0.0.0.0/0", "2001:db8::/32"]))
        #expect(sampled.ports(.v4).first?.sourceRanges == [])
        #expect(sampled.ports(.v6).first?.sourceRanges == [range("2001:db8::/32")])
    }

    @Test("a Service without an address in the family restricts nothing there")
    func noAddress() {
        let sampled = Sampled(
            service(["10.0.0.0/8", "2001:db8::/32"], addresses: ["203.0.113.1"]))
        #expect(sampled.ports(.v4).first?.sourceRanges == [range("10.0.0.0/8")])
        #expect(sampled.ports(.v6).first?.sourceRanges == [])
    }

    @Test("where a range names the node, the Service's own addresses may come too")
    func node() {
        let rows: [(node: [String], v4: [String], v6: [String])] = [
            ([], ["10.0.0.0/8"], ["fd00::/16"]),
            (["192.0.2.1", "2001:db8:9::1"], ["10.0.0.0/8"], ["fd00::/16"]),
            (
                ["10.0.0.1", "fd00::5"], ["10.0.0.0/8", "203.0.113.1/32"],
                ["2001:db8::1/128", "fd00::/16"]
            ),
            // The first address of a family is the primary one.
            (["192.0.2.1", "10.0.0.1"], ["10.0.0.0/8"], ["fd00::/16"]),
        ]
        for row in rows {
            var sampled = Sampled(service(["10.0.0.0/8", "fd00::/16"]))
            sampled.snapshot.nodes[hereNode]?.addresses = row.node.map { IPAddress($0)! }
            #expect(sampled.ports(.v4).first?.sourceRanges == row.v4.map(range), "\(row.node)")
            #expect(sampled.ports(.v6).first?.sourceRanges == row.v6.map(range), "\(row.node)")
        }
    }

    @Test("another address of this node touches Services with ranges, and no others")
    func touched() {
        var sampled = Sampled(service(["10.0.0.0/8"]))
        let plain = ObjectName(namespace: "default", name: "plain")
        sampled.snapshot.services[plain] = service([])
        func touched(_ name: String, _ change: (inout Node) -> Void) -> Set<ObjectName> {
            var node = sampled.snapshot.nodes[hereNode]!
            change(&node)
            return Resolve.services(touchedBy: .node(name, node), in: sampled.snapshot)
        }
        let address = IPAddress("10.0.0.1")!
        #expect(touched(hereNode) { $0.addresses = [address] } == [webName])
        #expect(touched(farNode) { $0.addresses = [address] } == [])
        #expect(touched(hereNode) { $0.isLeaving = true } == [])
    }
}
