// The way out of a pod: a wrong one is a lost packet, so doubt must be nil.

import Model
import NetworkFixtures
import Resolve
import Testing

/// A node with one pod on each ENI; the secondary one's way out is looked at.
private func eni(
    _ family: IPFamily, onSecondary: Bool = true,
    change: (inout NetworkState, SamplePod) -> Void = { _, _ in },
    settings: (inout Settings) -> Void = { _ in },
    history: (inout PodHistory, SamplePod) -> Void = { _, _ in }
) -> (is: PodENI?, pod: SamplePod) {
    let node = SampleNode(family)
    let pod = node.pod(7, onSecondary: onSecondary)
    var snapshot = Snapshot(settings: node.settings)
    settings(&snapshot.settings)
    var state = node.empty.after(pod.addition + pod.answers)
    change(&state, pod)
    snapshot.network = state
    history(&snapshot.podHistory, pod)
    return (Resolve.eni(ofPod: pod.address, in: snapshot), pod)
}

@Suite struct ENIResolutionTests {
    @Test("the from-rule's table names the ENI, whatever its number", arguments: IPFamily.allCases)
    func byRule(family: IPFamily) {
        for table: UInt32 in [2, 10_001, 113] {
            let result = eni(family) { state, pod in
                state.rules.remove(pod.fromRule)
                var rule = pod.fromRule
                rule.table = table
                state.rules.insert(rule)
                let route = pod.node.defaultRoute(
                    table: table, subnet: 2, interface: SampleNode.eth1)
                state.routes[route.key] = route
            }
            #expect(result.is == result.pod.eni)
        }
    }

    @Test("a settled pod without a from-rule leaves by the primary", arguments: IPFamily.allCases)
    func primary(family: IPFamily) {
        let result = eni(family, onSecondary: false)
        #expect(result.is == result.pod.eni)
        #expect(result.is?.interface == SampleNode.eth0)
    }

    @Test("a pod that appeared just now leaves by nothing yet", arguments: IPFamily.allCases)
    func unsettled(family: IPFamily) {
        let late = eni(family, onSecondary: false, history: { $0.unsettled.insert($1.address) })
        #expect(late.is == nil)
        let ruled = eni(family, history: { $0.unsettled.insert($1.address) })
        #expect(ruled.is == ruled.pod.eni, "its rule is there already")
    }

    @Test("a lapsed from-rule is believed, and a new one more", arguments: IPFamily.allCases)
    func lapsed(family: IPFamily) {
        let kept = eni(
            family, change: { $0.rules.remove($1.fromRule) },
            history: { $0.lapsedTables[$1.address] = 2 })
        #expect(kept.is == kept.pod.eni)
        let newer = eni(family, history: { $0.lapsedTables[$1.address] = Route.mainTable })
        #expect(newer.is == newer.pod.eni)
    }

    @Test("CNI 1.3's rules, one for each VPC prefix, are one answer", arguments: IPFamily.allCases)
    func manyRules(family: IPFamily) {
        let result = eni(family) { state, pod in
            state.rules.remove(pod.fromRule)
            for subnet: UInt8 in [1, 2] {
                var rule = pod.fromRule
                rule.destination = CIDR(pod.node.address(subnet, 0), prefixLength: 16)
                state.rules.insert(rule)
            }
        }
        #expect(result.is == result.pod.eni)
    }

    @Test("from-rules that disagree are no answer", arguments: IPFamily.allCases)
    func disagreement(family: IPFamily) {
        let result = eni(family) { state, pod in
            var other = pod.fromRule
            other.table = 3
            state.rules.insert(other)
        }
        #expect(result.is == nil)
    }

    @Test("a rule of another shape is somebody else's, and leaves the way in doubt")
    func foreignRules() {
        for spoil: @Sendable (inout Rule) -> Void in [
            { $0.priority = 1537 }, { $0.mark = 1 }, { $0.markMask = 1 }, { $0.isInverted = true },
            { $0.table = 0 },
        ] {
            for family in IPFamily.allCases {
                let result = eni(family) { state, pod in
                    var rule = pod.fromRule
                    state.rules.remove(rule)
                    spoil(&rule)
                    state.rules.insert(rule)
                }
                #expect(result.is == nil)
            }
        }
    }

    @Test("tables of the two families are apart")
    func families() {
        let node = SampleNode(.v6)
        let result = eni(.v4) { state, _ in
            let route = SampleNode(.v4).defaultRoute(
                table: 2, subnet: 2, interface: SampleNode.eth1)
            state.routes[route.key] = nil
            let other = node.defaultRoute(table: 2, subnet: 2, interface: SampleNode.eth1)
            state.routes[other.key] = other
        }
        #expect(result.is == nil)
    }

    @Test("doubt about the way is no answer", arguments: IPFamily.allCases)
    func doubt(family: IPFamily) {
        let route = SampleNode(family)
            .defaultRoute(table: 2, subnet: 2, interface: SampleNode.eth1)
        let doubts: [(String, (inout NetworkState) -> Void)] = [
            ("no default route", { $0.routes[route.key] = nil }),
            ("no gateway", { $0.routes[route.key]?.gateway = nil }),
            ("several next hops", { $0.routes[route.key]?.interface = nil }),
            ("unreachable", { $0.routes[route.key]?.isUnicast = false }),
            ("the ENI is gone", { $0.links[SampleNode.eth1] = nil }),
            ("the ENI is down", { $0.links[SampleNode.eth1]?.isUp = false }),
            ("no Ethernet address", { $0.links[SampleNode.eth1]?.mac = nil }),
        ]
        for (name, spoil) in doubts {
            let result = eni(family) { state, _ in spoil(&state) }
            #expect(result.is == nil, "\(name)")
        }
    }

    @Test("two best default routes by two interfaces are no answer (IPv6 can have them)")
    func tie() {
        let result = eni(
            .v6,
            change: { state, pod in
                let other = pod.node.defaultRoute(table: 2, subnet: 1, interface: SampleNode.eth0)
                state.routes[other.key] = other
            })
        #expect(result.is == nil)
    }

    @Test("of several default routes the lowest metric counts", arguments: IPFamily.allCases)
    func metrics(family: IPFamily) {
        let result = eni(family) { state, pod in
            var worse = pod.node.defaultRoute(table: 2, subnet: 1, interface: SampleNode.eth0)
            worse.priority = 4096
            state.routes[worse.key] = worse
        }
        #expect(result.is == result.pod.eni)
    }

    @Test("the primary that the operator names beats a better default route")
    func namedPrimary() {
        for family in IPFamily.allCases {
            let result = eni(
                family, onSecondary: false,
                change: { state, pod in
                    let old = pod.node.defaultRoute(
                        table: Route.mainTable, subnet: 1, interface: SampleNode.eth0)
                    state.routes[old.key] = nil
                    var worse = old
                    worse.priority = 2000
                    var vpn = old
                    vpn.interface = SampleNode.eth1
                    state.routes[worse.key] = worse
                    state.routes[vpn.key] = vpn
                }, settings: { $0.primaryInterface = "eth0" })
            #expect(result.is == result.pod.eni)
        }
    }

    @Test(
        "an unresolved next hop leaves the way known and its MAC open", arguments: IPFamily.allCases
    )
    func nextHop(family: IPFamily) {
        let result = eni(family) { state, pod in
            let key = pod.node.gatewayNeighbor(2, SampleNode.eth1).key
            state.neighbors[key]?.isValid = false
        }
        #expect(result.is?.interface == SampleNode.eth1)
        #expect(result.is?.nextHopMAC == nil)
    }
}
