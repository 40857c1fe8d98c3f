// Which endpoints may be picked: readiness, draining, locality, topology. Every rule holds in both
// families.

import Model
import Resolve
import Testing

@Suite struct BackendSetTests {
    @Test("a ready endpoint is used, an unready one is not", arguments: IPFamily.allCases)
    func ready(family: IPFamily) {
        let node = Sampled([Sample(n: 1), Sample(n: 2, isReady: false)])
        #expect(node.numbers(\.clusterBackends, family) == [1])
        #expect(node.isUsable(family) == true)
    }

    @Test("a terminating endpoint serves only if none is ready", arguments: IPFamily.allCases)
    func draining(family: IPFamily) {
        let leaving = Sample(n: 2, isReady: false, isTerminating: true)
        #expect(Sampled([Sample(n: 1), leaving]).numbers(\.clusterBackends, family) == [1])
        let alone = Sampled([Sample(n: 1, isReady: false), leaving])
        #expect(alone.numbers(\.clusterBackends, family) == [2])
        #expect(alone.isUsable(family) == true)
    }

    @Test("terminating and not serving is never used", arguments: IPFamily.allCases)
    func dead(family: IPFamily) {
        let node = Sampled([Sample(n: 1, isReady: false, isServing: false, isTerminating: true)])
        #expect(node.numbers(\.clusterBackends, family) == [])
        #expect(node.numbers(\.servingBackends, family) == [])
        #expect(node.isUsable(family) == false)
    }

    @Test(
        "not ready but serving is kept for flows, and makes nothing usable",
        arguments: IPFamily.allCases)
    func servingOnly(family: IPFamily) {
        let node = Sampled([Sample(n: 1, isReady: false)])
        #expect(node.numbers(\.servingBackends, family) == [1])
        #expect(node.isUsable(family) == false)
    }

    @Test("ready wins over everything else, terminating or not", arguments: IPFamily.allCases)
    func readyWins(family: IPFamily) {
        let node = Sampled([Sample(n: 1, isServing: false, isTerminating: true), Sample(n: 2)])
        #expect(node.numbers(\.clusterBackends, family) == [1, 2])
    }

    @Test(
        "the Local set is the node's own, the Cluster set everybody's", arguments: IPFamily.allCases
    )
    func local(family: IPFamily) {
        let node = Sampled([
            Sample(n: 1, node: hereNode), Sample(n: 2), Sample(n: 3, node: nil),
        ])
        #expect(node.numbers(\.localBackends, family) == [1])
        #expect(node.numbers(\.clusterBackends, family) == [1, 2, 3])
    }

    @Test("each set falls back to draining endpoints by itself", arguments: IPFamily.allCases)
    func independentFallback(family: IPFamily) {
        // Local drains while Cluster has a ready one elsewhere: Local is no subset of Cluster.
        let draining = Sample(n: 1, isReady: false, isTerminating: true, node: hereNode)
        let node = Sampled([draining, Sample(n: 2)])
        #expect(node.numbers(\.localBackends, family) == [1])
        #expect(node.numbers(\.clusterBackends, family) == [2])
        // A draining remote one makes the service usable, but not here.
        let remote = Sampled([Sample(n: 3, isReady: false, isTerminating: true)])
        #expect(remote.numbers(\.localBackends, family) == [])
        #expect(remote.numbers(\.clusterBackends, family) == [3])
        #expect(remote.isUsable(family) == true)
    }

    @Test("an endpoint in two slices counts once", arguments: IPFamily.allCases)
    func twoSlices(family: IPFamily) {
        var node = Sampled([Sample(n: 1), Sample(n: 2)])
        node.add([Sample(n: 2), Sample(n: 3)])
        #expect(node.numbers(\.clusterBackends, family) == [1, 2, 3])
    }

    @Test(
        "of two entries for one address the one that isn't terminating speaks, in any order",
        arguments: IPFamily.allCases)
    func reusedAddress(family: IPFamily) {
        let old = Sample(n: 1, isReady: false, isServing: false, isTerminating: true)
        for order in [[old, Sample(n: 1)], [Sample(n: 1), old]] {
            var node = Sampled([order[0]])
            node.add([order[1]])
            #expect(node.numbers(\.clusterBackends, family) == [1])
            #expect(Sampled(order).numbers(\.clusterBackends, family) == [1])
        }
        // A terminating one that is "ready" (publishNotReadyAddresses) loses too.
        let published = Sample(n: 1, isTerminating: true)
        let fresh = Sample(n: 1, isReady: false, isServing: false)
        #expect(Sampled([published, fresh]).numbers(\.clusterBackends, family) == [])
    }

    @Test("one address under two ports is two backends", arguments: IPFamily.allCases)
    func twoPorts(family: IPFamily) {
        var node = Sampled([Sample(n: 1)])
        node.add([Sample(n: 1)], ports: [EndpointPort(name: "http", port: 9090)])
        #expect(node.ports(family).first?.clusterBackends.map(\.port) == [8080, 9090])
    }

    @Test(
        "zone hints count if every ready endpoint has one and one is ours",
        arguments: IPFamily.allCases)
    func zones(family: IPFamily) {
        let here = Sample(n: 1, zones: ["a"])
        let there = Sample(n: 2, zones: ["b", "c"])
        #expect(Sampled([here, there]).numbers(\.clusterBackends, family) == [1])
        #expect(Sampled([here, there], zone: nil).numbers(\.clusterBackends, family) == [1, 2])
        #expect(Sampled([here, there], zone: "z").numbers(\.clusterBackends, family) == [1, 2])
        #expect(
            Sampled([here, there, Sample(n: 3)]).numbers(\.clusterBackends, family) == [1, 2, 3])
        // An unready endpoint without hints has no say.
        #expect(
            Sampled([here, there, Sample(n: 3, isReady: false)])
                .numbers(\.clusterBackends, family) == [1])
    }

    @Test("node hints come before zone hints, and fall back to them", arguments: IPFamily.allCases)
    func nodes(family: IPFamily) {
        let here = Sample(n: 1, zones: ["b"], nodes: [hereNode])
        let zone = Sample(n: 2, zones: ["a"], nodes: [farNode])
        #expect(Sampled([here, zone]).numbers(\.clusterBackends, family) == [1])
        let elsewhere = Sample(n: 3, zones: ["b"], nodes: [farNode])
        #expect(Sampled([elsewhere, zone]).numbers(\.clusterBackends, family) == [2])
        let noNode = Sample(n: 4, zones: ["a"])
        #expect(Sampled([here, noNode]).numbers(\.clusterBackends, family) == [4])
    }

    @Test(
        "topology touches neither the Local set nor draining endpoints",
        arguments: IPFamily.allCases)
    func topologyScope(family: IPFamily) {
        let node = Sampled([
            Sample(n: 1, node: hereNode, zones: ["b"]), Sample(n: 2, zones: ["a"]),
        ])
        #expect(node.numbers(\.localBackends, family) == [1])
        #expect(node.numbers(\.clusterBackends, family) == [2])
        let draining = Sampled([
            Sample(n: 1, isReady: false, isTerminating: true, zones: ["a"]),
            Sample(n: 2, isReady: false, isTerminating: true, zones: ["b"]),
        ])
        #expect(draining.numbers(\.clusterBackends, family) == [1, 2])
    }
}
