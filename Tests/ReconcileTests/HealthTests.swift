// What the reconciler hands on for health: ports when they are programmed, and how far programming
// is behind.

import Model
import NetworkFixtures
import Plan
import Reconcile
import Testing

private let web = ObjectName(namespace: "default", name: "web")
private let slice = ObjectName(namespace: "default", name: "web-1")

private func service(_ family: IPFamily, healthPort: UInt16? = 31000) -> Change {
    .service(
        web,
        Service(
            type: .loadBalancer, clusterIPs: [IPAddress(family == .v4 ? "10.100.0.1" : "fd00::1")!],
            ports: [ServicePort(port: 80)], externalPolicy: .local, healthCheckNodePort: healthPort)
    )
}

private func endpoints(_ family: IPFamily, _ count: Int) -> Change {
    let first = IPAddress(family == .v4 ? "10.0.1.1" : "2001:db8:1::1")!
    return .endpointSlice(
        slice,
        EndpointSlice(
            service: web, family: family, ports: [EndpointPort(port: 8080)],
            endpoints: (0..<count).map {
                Endpoint(address: first.advanced(by: UInt64($0))!, nodeName: "node-a")
            }))
}

@Suite struct HealthTests {
    @Test(
        "a health port is handed on once programmed, again when its count changes, and when it goes",
        arguments: IPFamily.allCases)
    func handedOn(family: IPFamily) async {
        let rig = Rig(family)
        await rig.start()
        #expect(rig.asked.healthPorts.isEmpty)
        await rig.observe(service(family), endpoints(family, 2))
        await rig.settle()
        #expect(rig.asked.healthPorts.map { $0[web]?.map(\.readyLocalEndpoints) } == [[2]])
        #expect(rig.asked.healthPorts.last?[web]?.first?.family == family)
        await rig.observe(endpoints(family, 0))
        await rig.settle()
        #expect(rig.asked.healthPorts.last?[web]?.first?.readyLocalEndpoints == 0)
        // Nothing new, nothing told: not by a full pass either.
        await rig.reconciler.requestAudit()
        await rig.settle()
        #expect(rig.asked.healthPorts.count == 2)
        await rig.observe(service(family, healthPort: 31001))
        await rig.settle()
        #expect(rig.asked.healthPorts.last?[web]?.map(\.port) == [31001])
        await rig.observe(.service(web, nil))
        await rig.settle()
        #expect(rig.asked.healthPorts.last == [web: []])
        #expect(rig.asked.healthPorts.count == 4)
    }

    @Test("nothing is handed on before the sources are complete")
    func incomplete() async {
        let rig = Rig()
        await rig.observe(service(.v4), endpoints(.v4, 1), .networkState(rig.node.empty))
        await rig.settle()
        #expect(rig.asked.healthPorts.isEmpty)
        await rig.observe(.complete(.network), .complete(.services))
        await rig.settle()
        #expect(rig.asked.healthPorts.last?[web]?.map(\.readyLocalEndpoints) == [1])
    }

    @Test("a count whose backends can't be programmed is not told until they are")
    func failing() async {
        let rig = Rig()
        await rig.start()
        await rig.datapath.refuse { if case .setBackend = $0 { "full" } else { nil } }
        await rig.observe(service(.v4), endpoints(.v4, 1))
        await rig.settle()
        #expect(rig.asked.healthPorts.isEmpty)
        await rig.datapath.refuse(nil)
        await rig.wait(.seconds(1))
        #expect(rig.asked.healthPorts.map { $0[web]?.map(\.readyLocalEndpoints) } == [[1]])
    }

    @Test("a change that can't be programmed grows old until it is; an idle node never does")
    func progress() async {
        let rig = Rig()
        await rig.start()
        await rig.wait(.seconds(600))
        #expect(await rig.reconciler.progress.oldestWait == [:])
        await rig.datapath.refuse { if case .setBackend = $0 { "full" } else { nil } }
        await rig.observe(service(.v4), endpoints(.v4, 1))
        await rig.wait(.seconds(59))
        let young = await rig.reconciler.progress
        #expect(young.oldestWait.keys.sorted() == [.v4, .v6])
        #expect(young.oldestWait.values.allSatisfy { $0 >= .seconds(59) && $0 < .seconds(60) })
        await rig.wait(.seconds(2))
        // Another change does not make the old one younger.
        await rig.observe(endpoints(.v4, 2))
        await rig.settle()
        let old = await rig.reconciler.progress
        #expect(old.oldestWait.values.allSatisfy { $0 >= .seconds(60) })
        #expect(old.sinceSuccess.values.allSatisfy { $0 >= .seconds(60) })
        await rig.datapath.refuse(nil)
        await rig.wait(.seconds(31))
        let well = await rig.reconciler.progress
        #expect(well.oldestWait == [:])
        #expect(well.sinceSuccess.values.allSatisfy { $0 < .seconds(31) })
    }

    @Test("a Node object that was deleted counts as it last was; others' do not count")
    func deletedNode() async {
        let rig = Rig()
        for (name, node, isEligible) in [
            ("node-b", Node(), false), ("node-a", Node(), true), ("node-a", nil, true),
            ("node-a", Node(isLeaving: true), false), ("node-a", nil, false),
        ] {
            await rig.observe(.node(name, node))
            #expect(await rig.reconciler.progress.isNodeEligible == isEligible)
        }
    }

    @Test("what waits for a source to complete is nobody's failure: an outage drains no node")
    func outage() async {
        let rig = Rig()
        await rig.observe(
            service(.v4), endpoints(.v4, 1), .networkState(rig.node.empty), .complete(.network))
        await rig.wait(.seconds(600))
        #expect(await rig.reconciler.progress.oldestWait == [:])
    }
}
