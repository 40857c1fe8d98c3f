// Recorded nodes: what `ip` printed there, and which pods and ways out that means.

import Model
import NetworkFixtures
import Resolve
import Testing

/// A state from recorded routes and rules. `ip` prints no veth kinds: every link that a recorded
/// pod route names is one.
private func snapshot(
    links: [Link], routes: [Route], rules: [Rule], settings: Settings
) -> Snapshot {
    var state = NetworkState()
    for link in links { state.links[link.index] = link }
    for route in routes { state.routes[route.key] = route }
    state.rules = Set(rules)
    state.queriedPrograms = Set(links.map(\.index))
    var snapshot = Snapshot(settings: settings)
    snapshot.network = state
    return snapshot
}

private func recordedLink(_ index: UInt32, _ name: String) -> Link {
    let isPod = name.hasPrefix("eni")
    return Link(
        index: index, name: name, kind: isPod ? "veth" : "", mac: SampleNode.mac(1, index),
        mtu: 9001, isUp: true, hasPeerElsewhere: isPod)
}

@Suite struct RecordedNodeTests {
    @Test("the workshop's eight pods are found behind their veths and on the ENIs that ipamd told")
    func workshop() throws {
        let text = try KernelText.fixture("workshop-node.txt")
        let sections = text.split(separator: "[").map { $0.split(separator: "\n").map(String.init) }
        let main = try #require(sections.first { $0[0].hasPrefix("ip route]") }).dropFirst()
        let rules = try #require(sections.first { $0[0].hasPrefix("ip rule") }).dropFirst()
        let second = try #require(sections.first { $0[0].hasPrefix("ip route show table 2") })
            .dropFirst()

        let pods = [
            "192.168.7.62": ("eni6a241e7f902", "eth0"),
            "192.168.10.216": ("enidcee159cf44", "eth1"),
            "192.168.3.24": ("eni1f29a933002", "eth1"), "192.168.24.73": ("enie96d6354f21", "eth0"),
            "192.168.29.205": ("eni8a6f029b3bc", "eth0"),
            "192.168.20.139": ("eniccbdba09bad", "eth1"),
            "192.168.7.54": ("eni5eaa472d76b", "eth0"), "192.168.9.15": ("eni3ba2d1492d5", "eth0"),
        ]
        let names = ["eth0", "eth1", "docker0"] + pods.values.map(\.0).sorted()
        let indexes = Dictionary(
            uniqueKeysWithValues: names.enumerated().map { ($1, UInt32($0 + 2)) })
        let reader = KernelText(indexes: indexes)
        let snapshot = snapshot(
            links: indexes.map { recordedLink($1, $0) },
            routes: main.compactMap { reader.route($0) }
                + second.compactMap { reader.route($0, table: 2) },
            rules: rules.compactMap { reader.rule($0) },
            settings: Settings(nodeName: "ip-192-168-4-93", vpcCIDRs: [CIDR("192.168.0.0/16")!]))

        let desired = Resolve.network(in: snapshot)
        #expect(desired.pods.count == 8)
        for (address, (veth, eni)) in pods {
            let pod = try #require(desired.pods[IPAddress(address)!])
            #expect(pod.veth == indexes[veth])
            #expect(pod.eni?.interface == indexes[eni], "\(address) leaves by \(eni)")
            let gateway = eni == "eth0" ? "192.168.0.1" : "192.168.128.1"
            #expect(pod.eni?.nextHop == IPAddress(gateway))
        }
        let enis = desired.attachments.filter { $0.value == .eni }.keys
        #expect(Set(enis) == [indexes["eth0"]!, indexes["eth1"]!])
        #expect(desired.attachments[indexes["docker0"]!] == nil)
        #expect(desired.attachments.values.count { $0 == .pod } == 8)
    }

    @Test("routes and rules of CNI 1.20 as JSON give its one pod on the secondary ENI")
    func current() throws {
        let indexes: [String: UInt32] = [
            "eth0": 3, "eth1": 5, "u0": 2, "u1": 4, "eni6a241e7f902": 6,
        ]
        let reader = KernelText(indexes: indexes)
        let snapshot = snapshot(
            links: indexes.map { recordedLink($1, $0) },
            routes: try reader.routes(json: KernelText.fixture("netlink-routes-v1.20.json")),
            rules: try reader.rules(json: KernelText.fixture("netlink-rules-v1.20.json")),
            settings: Settings(nodeName: "n"))
        let desired = Resolve.network(in: snapshot)
        #expect(Array(desired.pods.keys) == [IPAddress(v4: 10, 0, 2, 33)])
        let pod = try #require(desired.pods.values.first)
        #expect(pod.veth == 6)
        #expect(pod.eni?.interface == 5)
        #expect(pod.eni?.nextHop == IPAddress(v4: 10, 0, 2, 1))
        #expect(desired.attachments == [3: .eni, 5: .eni, 6: .pod])
    }
}
