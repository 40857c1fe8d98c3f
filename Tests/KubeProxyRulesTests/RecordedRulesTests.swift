// The rival is real: fed the objects that a real kube-proxy 1.36.2 was fed, our rule writer makes
// the rules that it made, line for line. Resources: `cluster.json` is what the API server listed
// (recorded, without managedFields), the `.txt` files are iptables-save's output on the node
// ip-10-0-0-11 beside that kube-proxy. Of its 1,000 services × 3 a cut is kept: 25 services whose
// endpoints the API server listed (`scale-1000.services.txt`), and their rules.

import Foundation
import KubeProxyRules
import Model
import Testing

@Suite struct RecordedRulesTests {
    @Test("our rules are those of the real kube-proxy", arguments: IPFamily.allCases)
    func sameRules(family: IPFamily) throws {
        let recorded = try SavedTables(
            resource("base-iptables-save.v\(family.rawValue).txt"))
        let ports = proxiedPorts(family: family, in: try recordedCluster())
        let rules = proxyRules(
            family: family, ports: ports, settings: ProxySettings(nodeAddress: nodeAddress(family)))
        let written = SavedTables(rules)

        #expect(Set(written.chains.keys) == Set(recorded.chains.keys))
        // Node ports have to come after all services.
        #expect(written.chains["nat KUBE-SERVICES"]?.last?.hasSuffix("-j KUBE-NODEPORTS") == true)
        for (chain, expected) in recorded.chains {
            let actual = written.chains[chain] ?? []
            if SavedTables.isUnordered(chain) {
                #expect(actual.sorted() == expected.sorted(), "\(chain)")
            } else {
                #expect(actual == expected, "\(chain)")
            }
        }
    }

    @Test("in a cluster of more than 1,000 endpoints they are the real ones too")
    func sameRulesAtScale() throws {
        let excerpt = try SavedTables(resource("scale-1000.excerpt.txt"))
        var ports: [ProxiedPort] = []
        for line in try resource("scale-1000.services.txt").split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            let name = ServicePortName(
                service: ObjectName(namespace: "scale", name: words[0]), port: "http",
                protocol: .tcp, family: .v4)
            let backends = try words[3...].map {
                Backend(address: try #require(IPAddress($0)), port: 8080, protocol: .tcp)
            }
            ports.append(
                ProxiedPort(
                    name: name, clusterIP: try #require(IPAddress(words[1])),
                    port: try #require(UInt16(words[2])), backends: backends))
        }
        #expect(ports.count == 25)
        // The other 975 services count by their endpoints only.
        ports[0].endpointCount = 3000
        let rules = proxyRules(
            family: .v4, ports: ports, settings: ProxySettings(nodeAddress: nodeAddress(.v4)))
        let written = SavedTables(rules)
        for (chain, expected) in excerpt.chains {
            let actual = written.chains[chain] ?? []
            #expect(Set(expected).isSubset(of: actual), "\(chain)")
            #expect(SavedTables.isUnordered(chain) || actual == expected, "\(chain)")
        }
    }

    @Test("the comparison sees one changed address, a missing rule and a wrong order")
    func sensitive() throws {
        let recorded = try resource("base-iptables-save.v4.txt")
        let whole = SavedTables(recorded)
        #expect(
            SavedTables(recorded.replacingOccurrences(of: "10.0.75.31:", with: "10.0.75.32:"))
                != whole)
        let lines = recorded.split(separator: "\n", omittingEmptySubsequences: false)
        let index = try #require(lines.firstIndex { $0.hasPrefix("-A KUBE-MARK-MASQ") })
        var shorter = lines
        shorter.remove(at: index)
        #expect(SavedTables(shorter.joined(separator: "\n")) != whole)
        var swapped = lines
        swapped.swapAt(index + 1, index)
        let postrouting = try #require(lines.firstIndex { $0.hasPrefix("-A KUBE-POSTROUTING") })
        swapped.swapAt(postrouting, postrouting + 1)
        #expect(SavedTables(swapped.joined(separator: "\n")) != whole)
    }

    private func nodeAddress(_ family: IPFamily) -> IPAddress? {
        family == .v4 ? IPAddress("10.0.0.11") : nil
    }

    /// What the kube-proxy had been told when its rules were saved.
    private func recordedCluster() throws -> Snapshot {
        try Snapshot(
            manifest: resource("cluster.json"),
            nodeName: "ip-10-0-0-11.eu-west-1.compute.internal")
    }

    private func resource(_ name: String) throws -> String {
        let url = try #require(
            Bundle.module.url(forResource: name, withExtension: nil, subdirectory: "Resources"))
        return try String(contentsOf: url, encoding: .utf8)
    }
}
