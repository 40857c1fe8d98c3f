// Which units an event makes dirty: enough, and not more than it must.

import Model
import NetworkFixtures
import Randomness
import Resolve
import Testing

@Suite struct TouchedUnitsTests {
    private static func crowd(_ node: SampleNode) -> Snapshot {
        var snapshot = Snapshot(settings: node.settings)
        snapshot.network = (1...150).reduce(into: node.empty) { state, number in
            let pod = node.pod(UInt32(number), onSecondary: number % 2 == 0)
            state = state.after(pod.addition + pod.answers)
        }
        return snapshot
    }

    @Test(
        "one pod's events touch that pod among 150, and its interfaces",
        arguments: IPFamily.allCases)
    func onePod(family: IPFamily) {
        let node = SampleNode(family)
        let snapshot = Self.crowd(node)
        let pod = node.pod(42, onSecondary: true)
        var neighbor = pod.neighbor
        neighbor.mac = SampleNode.mac(7, 7)
        let filter = TrafficFilter(
            interface: pod.vethIndex, direction: .egress, priority: 1, handle: 1, kind: "bpf")
        let own: Set<Unit> = [.pod(pod.address), .interface(pod.vethIndex)]
        let eni: Unit = .interface(SampleNode.eth1)
        let expected: [(NetworkEvent, Set<Unit>)] = [
            (.neighborChanged(neighbor), [.pod(pod.address)]),
            (.filterAdded(filter), [.pod(pod.address)]),
            (.foreignProgram(interface: pod.vethIndex, present: true), [.pod(pod.address)]),
            (.linkChanged(pod.veth(isUp: false)), own),
            (.routeRemoved(pod.route.key), own),
            (.ruleRemoved(pod.toRule), own),
            (.ruleRemoved(pod.fromRule), [.pod(pod.address), eni]),
        ]
        for (event, units) in expected {
            #expect(Resolve.units(touchedBy: event, in: snapshot) == units, "\(event)")
        }
    }

    @Test(
        "a table's default route touches the pods of that table only", arguments: IPFamily.allCases)
    func table(family: IPFamily) {
        let node = SampleNode(family)
        let snapshot = Self.crowd(node)
        let route = node.defaultRoute(table: 2, subnet: 2, interface: SampleNode.eth1)
        let units = Resolve.units(touchedBy: .routeRemoved(route.key), in: snapshot)
        let pods = (1...75).map { Unit.pod(node.pod(UInt32(2 * $0), onSecondary: true).address) }
        #expect(units == Set(pods).union([.interface(SampleNode.eth1)]))
        let hop = node.gatewayNeighbor(2, SampleNode.eth1)
        #expect(
            Resolve.units(touchedBy: .neighborRemoved(hop.key), in: snapshot)
                == Set(pods).union([.interface(SampleNode.eth1)]))
    }

    @Test("a stranger's events touch nothing")
    func stranger() {
        let node = SampleNode(.v4)
        let snapshot = Self.crowd(node)
        let elsewhere = CIDR("10.9.0.0/24")!
        let events: [NetworkEvent] = [
            .routeChanged(Route(destination: elsewhere, interface: SampleNode.eth0)),
            .ruleAdded(Rule(family: .v4, priority: 512, destination: elsewhere, table: 7)),
            .neighborChanged(
                Neighbor(
                    interface: SampleNode.eth0, address: node.address(1, 200), mac: nil,
                    isValid: false)),
        ]
        for event in events { #expect(Resolve.units(touchedBy: event, in: snapshot).isEmpty) }
    }

    @Test("nothing changes that was not touched, over random histories")
    func complete() {
        let base = SeededRandom.fresh().seed
        for seed in (0..<60).map({ base &+ UInt64($0) }) {
            var random = SeededRandom(seed: seed)
            let node = SampleNode(seed % 2 == 0 ? .v4 : .v6)
            var snapshot = Snapshot(settings: node.settings)
            if seed % 3 == 0 { snapshot.settings.primaryInterface = "eth0" }
            snapshot.settings.programsRunFirst = seed % 5 < 3
            snapshot.settings.xdp = true
            if seed % 4 < 2 { snapshot.settings.nodePortAddresses = .primary }
            snapshot.network = node.empty
            var before = Resolve.network(in: snapshot)
            for step in 0..<60 {
                let event = RandomEvents.next(node, &random)
                for event in snapshot.network.unannounced(by: event) + [event] {
                    var touched = Resolve.units(touchedBy: event, in: snapshot)
                    snapshot.applyAlone(event)
                    touched.formUnion(Resolve.units(touchedBy: event, in: snapshot))
                    let after = Resolve.network(in: snapshot)
                    let changed = Self.difference(before, after)
                    #expect(
                        changed.isSubset(of: touched),
                        "seed \(seed), step \(step): \(event)"
                    )
                    before = after
                }
            }
        }
    }

    private static func difference(_ a: Desired, _ b: Desired) -> Set<Unit> {
        var units: Set<Unit> = []
        for key in Set(a.pods.keys).union(b.pods.keys) where a.pods[key] != b.pods[key] {
            units.insert(.pod(key))
        }
        for key in Set(a.localAddresses.keys).union(b.localAddresses.keys)
        where a.localAddresses[key] != b.localAddresses[key] {
            units.insert(.localAddress(key))
        }
        for key in Set(a.attachments.keys).union(b.attachments.keys)
        where a.attachments[key] != b.attachments[key] {
            units.insert(.interface(key))
        }
        for key in Set(a.enis.keys).union(b.enis.keys) where a.enis[key] != b.enis[key] {
            units.insert(.interface(key.interface))
        }
        for key in Set(a.veths.keys).union(b.veths.keys) where a.veths[key] != b.veths[key] {
            units.insert(.interface(key))
        }
        if a.xdpInterface != b.xdpInterface { units.insert(.node) }
        if a.node != b.node || a.translatesServices != b.translatesServices { units.insert(.node) }
        return units
    }
}
