// What is a pod, and what is not: one line a case, in both families.

import Model
import NetworkFixtures
import Resolve
import Testing

/// One change to a node with a single settled pod on the secondary ENI, and what is left of it.
struct PodCase: CustomTestStringConvertible, Sendable {
    let testDescription: String
    var settings: @Sendable (inout Settings) -> Void = { _ in }
    var history: @Sendable (inout PodHistory, SamplePod) -> Void = { _, _ in }
    let change: @Sendable (inout NetworkState, SamplePod) -> Void

    func resolve(_ family: IPFamily) -> (pod: SamplePod, desired: DesiredPod?) {
        let node = SampleNode(family)
        let pod = node.pod(1, onSecondary: true)
        var state = node.empty.after(pod.addition + pod.answers)
        change(&state, pod)
        var snapshot = Snapshot(settings: node.settings)
        settings(&snapshot.settings)
        snapshot.network = state
        history(&snapshot.podHistory, pod)
        return (pod, Resolve.pod(pod.address, in: snapshot))
    }
}

extension NetworkState {
    fileprivate mutating func changeVeth(_ pod: SamplePod, _ change: (inout Link) -> Void) {
        var link = pod.veth()
        change(&link)
        links[pod.vethIndex] = link
    }

    fileprivate mutating func changeRoute(_ pod: SamplePod, _ change: (inout Route) -> Void) {
        var route = pod.route
        routes[route.key] = nil
        change(&route)
        routes[route.key] = route
    }
}

@Suite struct PodResolutionTests {
    @Test("a wired pod with all answers is resolved completely", arguments: IPFamily.allCases)
    func complete(family: IPFamily) {
        let (pod, desired) = PodCase(testDescription: "unchanged") { _, _ in }.resolve(family)
        #expect(desired == pod.resolved)
    }

    static let strangers: [PodCase] = [
        PodCase(testDescription: "rules without a route mean nothing") { state, pod in
            state.routes[pod.route.key] = nil
        },
        PodCase(testDescription: "a veth that is down leads nowhere") { state, pod in
            state.changeVeth(pod) { $0.isUp = false }
        },
        PodCase(testDescription: "a link that is no veth is no pod's") { state, pod in
            state.changeVeth(pod) { $0.kind = "dummy" }
        },
        PodCase(testDescription: "a veth pair within the host is no pod's") { state, pod in
            state.changeVeth(pod) { $0.hasPeerElsewhere = false }
        },
        PodCase(testDescription: "a strict branch-ENI pod is not ours") { state, pod in
            state.changeVeth(pod) { $0.name = "vlan0123456789a" }
        },
        PodCase(testDescription: "a route through a gateway leads to no pod") { state, pod in
            state.changeRoute(pod) { $0.gateway = pod.node.address(2, 9) }
        },
        PodCase(testDescription: "a route in another table is not the main table's") { state, pod in
            state.changeRoute(pod) { $0.table = 101 }
        },
        PodCase(testDescription: "a blackhole route leads to no pod") { state, pod in
            state.changeRoute(pod) { $0.isUnicast = false }
        },
        PodCase(testDescription: "a prefix route is no pod's") { state, pod in
            state.changeRoute(pod) {
                $0.destination = CIDR(pod.address, prefixLength: pod.node.family.bits - 1)!
            }
        },
        PodCase(testDescription: "a better route to the same address takes it away") { state, pod in
            if pod.node.family == .v4 { state.changeRoute(pod) { $0.priority = 10 } }
            var better = pod.route
            better.priority = 1
            better.interface = SampleNode.eth0
            state.routes[better.key] = better
        },
        PodCase(testDescription: "without rule and without the CNI's name nothing confirms it") {
            state, pod in
            state.rules.remove(pod.toRule)
            state.changeVeth(pod) { $0.name = "veth12345" }
        },
        PodCase(testDescription: "an inverted rule confirms nothing") { state, pod in
            state.rules.remove(pod.toRule)
            var inverted = pod.toRule
            inverted.isInverted = true
            state.rules.insert(inverted)
            state.changeVeth(pod) { $0.name = "veth12345" }
        },
        PodCase(
            testDescription: "with pod routing off there are no pods",
            settings: { $0.podRouting = false }
        ) { _, _ in },
    ]

    @Test("no pod", arguments: strangers, IPFamily.allCases)
    func noPod(_ podCase: PodCase, family: IPFamily) {
        #expect(podCase.resolve(family).desired == nil)
    }

    static let oddPods: [PodCase] = [
        PodCase(testDescription: "the veth's name confirms where the rule is missing") {
            state, pod in
            state.rules.remove(pod.toRule)
        },
        PodCase(testDescription: "the rule confirms where the prefix was changed") { state, pod in
            state.changeVeth(pod) { $0.name = "old0123456789a" }
        },
        PodCase(
            testDescription: "a rule that vanished under the living pod still confirms",
            history: { $0.lapsedConfirmations.insert($1.address) }
        ) { state, pod in
            state.rules.remove(pod.toRule)
            state.changeVeth(pod) { $0.name = "veth12345" }
        },
        PodCase(
            testDescription: "another prefix is a pod's where the operator says so",
            settings: { $0.vethPrefix = "pod" }
        ) { state, pod in
            state.rules.remove(pod.toRule)
            state.changeVeth(pod) { $0.name = "pod0123456789a" }
        },
    ]

    @Test("still a pod", arguments: oddPods, IPFamily.allCases)
    func stillPod(_ podCase: PodCase, family: IPFamily) {
        let (pod, desired) = podCase.resolve(family)
        #expect(desired == pod.resolved)
    }

    @Test("an IPv4 route that is not of link scope leads to no pod")
    func scope() {
        let podCase = PodCase(testDescription: "") { state, pod in
            state.changeRoute(pod) { $0.isLinkScope = false }
        }
        #expect(podCase.resolve(.v4).desired == nil)
        #expect(podCase.resolve(.v6).desired != nil, "IPv6 dumps say global for every route")
    }

    @Test(
        "node-local faces of pods are never pods",
        arguments: [
            "169.254.172.1", "169.254.175.254", "169.254.1.1", "127.0.0.5", "224.0.0.1",
            "fd00::ac:1", "fd00::ac:3ff", "fe80::5", "ff02::1", "::1",
        ])
    func nodeLocal(text: String) throws {
        let address = try #require(IPAddress(text))
        let node = SampleNode(address.family)
        let pod = node.pod(1)
        var snapshot = Snapshot(settings: node.settings)
        var route = pod.route
        route.destination = CIDR(host: address)
        snapshot.network = node.empty.after(pod.addition + [.routeChanged(route)])
        #expect(Resolve.pod(address, in: snapshot) == nil)
        #expect(Resolve.pod(pod.address, in: snapshot) != nil)
    }

    @Test("the address after the egress plugin's range is an ordinary pod's")
    func besideEgressRange() {
        let node = SampleNode(.v6)
        let address = IPAddress("fd00::ac:400")!
        var snapshot = Snapshot(settings: node.settings)
        var route = node.pod(1).route
        route.destination = CIDR(host: address)
        snapshot.network = node.empty.after(node.pod(1).addition + [.routeChanged(route)])
        #expect(Resolve.pod(address, in: snapshot) != nil)
    }

    @Test("without a usable neighbour entry the pod's MAC is unknown", arguments: IPFamily.allCases)
    func podNeighbour(family: IPFamily) {
        for spoil: @Sendable (inout Neighbor) -> Void in [
            { $0.isValid = false }, { $0.mac = nil },
            { $0.mac = MACAddress("00:00:00:00:00:00") }, { $0.interface += 1 },
        ] {
            let podCase = PodCase(testDescription: "") { state, pod in
                var neighbor = pod.neighbor
                state.neighbors[neighbor.key] = nil
                spoil(&neighbor)
                state.neighbors[neighbor.key] = neighbor
            }
            let (pod, desired) = podCase.resolve(family)
            #expect(desired?.podMAC == nil)
            #expect(desired?.eni == pod.eni)
        }
    }
}
