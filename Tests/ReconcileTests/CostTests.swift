// Cost follows the change, never the size of the cluster: counted, not timed.

import Model
import NetworkFixtures
import Plan
import Reconcile
import Testing

private func name(_ number: Int) -> ObjectName {
    ObjectName(namespace: "default", name: "service-\(number)")
}

private func clusterIP(_ number: Int, _ family: IPFamily) -> IPAddress {
    let high = UInt8(number >> 8)
    let low = UInt8(number & 0xff)
    return family == .v4
        ? IPAddress(v4: 10, 100, high, low)
        : IPAddress(octets: [0xfd, 0] + Array(repeating: 0, count: 12) + [high, low])!
}

private func service(_ number: Int, _ family: IPFamily) -> Change {
    .service(
        name(number),
        Service(clusterIPs: [clusterIP(number, family)], ports: [ServicePort(port: 80)]))
}

private func slice(_ number: Int, _ node: SampleNode, backends: Int = 2) -> Change {
    let endpoints = (0..<backends).map {
        Endpoint(address: node.address(9, UInt8($0 + 1)), nodeName: "node-b")
    }
    return .endpointSlice(
        ObjectName(namespace: "default", name: "service-\(number)-x"),
        EndpointSlice(
            service: name(number), family: node.family, ports: [EndpointPort(port: 8080)],
            endpoints: endpoints))
}

@Suite struct CostTests {
    @Test(
        "one endpoint's change among 10,000 Services resolves one Service and writes a handful",
        arguments: IPFamily.allCases)
    func oneEndpoint(family: IPFamily) async throws {
        let rig = Rig(family)
        let count = 10_000
        await rig.reconciler.observe((0..<count).map { service($0, family) })
        await rig.reconciler.observe((0..<count).map { slice($0, rig.node) })
        await rig.start()
        #expect(await rig.datapath.image.frontends.count == count)
        let before = await rig.reconciler.status.counters
        await rig.datapath.forgetWritten()

        await rig.observe(slice(4711, rig.node, backends: 3))
        await rig.settle()
        let after = await rig.reconciler.status.counters
        #expect(after.servicesResolved - before.servicesResolved == 1)
        #expect(after.networkUnitsResolved == before.networkUnitsResolved)
        let written = await rig.datapath.written.count
        #expect((1...4).contains(written), "a backend, a slot, a head: \(written)")
    }

    @Test(
        "one neighbour's change among 150 pods resolves one pod and writes it",
        arguments: IPFamily.allCases)
    func oneNeighbour(family: IPFamily) async {
        let rig = Rig(family)
        await rig.start(pods: (1...150).map { rig.node.pod(UInt32($0), onSecondary: $0 % 2 == 0) })
        let before = await rig.reconciler.status.counters
        await rig.datapath.forgetWritten()
        var neighbor = rig.node.pod(42, onSecondary: true).neighbor
        neighbor.mac = SampleNode.mac(3, 3)
        await rig.observe([.neighborChanged(neighbor)])
        await rig.settle()
        let after = await rig.reconciler.status.counters
        #expect(after.networkUnitsResolved - before.networkUnitsResolved == 1)
        #expect(await rig.datapath.written.count == 1)
    }

    @Test("news that is no news costs nothing")
    func noNews() async {
        let rig = Rig(.v4)
        let pod = rig.node.pod(1, onSecondary: true)
        await rig.observe(service(1, .v4), slice(1, rig.node))
        await rig.start(pods: [pod])
        let before = await rig.reconciler.status.counters
        let dump = await rig.reconciler.snapshot.network
        await rig.observe(service(1, .v4), slice(1, rig.node), .networkState(dump))
        await rig.observe(pod.addition.dropFirst() + pod.answers)
        await rig.settle()
        let after = await rig.reconciler.status.counters
        #expect(after.passes == before.passes)
        #expect(after.servicesResolved == before.servicesResolved)
        #expect(after.networkUnitsResolved == before.networkUnitsResolved)
    }

    @Test("a burst of one Service's changes is programmed once")
    func burst() async {
        let rig = Rig(.v6)
        await rig.observe(service(1, .v6))
        await rig.start()
        await rig.wait(.seconds(1))
        let before = await rig.reconciler.status.counters
        for backends in 1...50 {
            await rig.observe(slice(1, rig.node, backends: backends))
            _ = await rig.reconciler.turn()
        }
        #expect(await rig.reconciler.status.counters.passes == before.passes, "it waits for more")
        await rig.wait(.milliseconds(5))
        let after = await rig.reconciler.status.counters
        #expect(after.servicesResolved - before.servicesResolved == 1)
        #expect(await rig.datapath.image.backends.count == 50)
    }

    @Test("a slice that moves to another Service changes both")
    func moved() async {
        let rig = Rig(.v4)
        await rig.observe(service(1, .v4), service(2, .v4), slice(1, rig.node))
        await rig.start()
        guard case .endpointSlice(let key, var value?) = slice(1, rig.node) else { return }
        value.service = name(2)
        await rig.observe(.endpointSlice(key, value))
        await rig.settle()
        let heads = await rig.datapath.image.frontends
        func head(_ number: Int) -> ServiceHead? {
            heads[Frontend(address: clusterIP(number, .v4), port: 80, protocol: .tcp)]
        }
        #expect(head(1)?.clusterCount == 0)
        #expect(head(2)?.clusterCount == 2)
    }
}
