// What the reconciler asks of the kernel, and how often.

import Model
import NetworkFixtures
import Reconcile
import Testing

@Suite struct RequestTests {
    @Test(
        "an unresolved pod and next hop are asked for, ever more slowly, until resolved",
        arguments: IPFamily.allCases)
    func pace(family: IPFamily) async {
        let rig = Rig(family)
        var state = rig.node.empty
        let hop = rig.node.gatewayNeighbor(2, SampleNode.eth1)
        state.neighbors[hop.key] = nil
        let pod = rig.node.pod(1, onSecondary: true)
        await rig.start(state.after(pod.addition))
        #expect(rig.asked.neighbors.count == 1)
        #expect(Set(rig.asked.neighbors[0]) == [pod.neighbor.key, hop.key])

        await rig.wait(.milliseconds(250))
        #expect(rig.asked.neighbors.count == 2)
        await rig.wait(.milliseconds(250))
        #expect(rig.asked.neighbors.count == 2)
        await rig.wait(.milliseconds(250))
        #expect(rig.asked.neighbors.count == 3)

        await rig.observe([.neighborChanged(pod.neighbor), .neighborChanged(hop)])
        await rig.settle()
        rig.asked.forget()
        await rig.wait(.seconds(20))
        #expect(rig.asked.neighbors == [])
    }

    @Test("all neighbours that pods rely on are refreshed every 30 s", arguments: IPFamily.allCases)
    func refresh(family: IPFamily) async {
        let rig = Rig(family)
        let pods = [rig.node.pod(1), rig.node.pod(2, onSecondary: true)]
        await rig.start(pods: pods)
        rig.asked.forget()
        await rig.wait(.seconds(30))
        let hops = [
            rig.node.gatewayNeighbor(1, SampleNode.eth0).key,
            rig.node.gatewayNeighbor(2, SampleNode.eth1).key,
        ]
        #expect(rig.asked.neighbors.map(Set.init) == [Set(pods.map(\.neighbor.key) + hops)])
    }

    @Test("nobody asks for a pod that is gone")
    func gone() async {
        let rig = Rig(.v4)
        await rig.start()
        let pod = rig.node.pod(1, onSecondary: true)
        await rig.observe(pod.addition)
        await rig.settle()
        await rig.observe(pod.deletion)
        await rig.settle()
        rig.asked.forget()
        await rig.wait(.seconds(5))
        #expect(rig.asked.neighbors == [], "not even before the next refresh")
        await rig.wait(.seconds(60))
        let hop = rig.node.gatewayNeighbor(1, SampleNode.eth0).key
        #expect(Set(rig.asked.neighbors) == [[hop]], "the primary ENI needs its own")
    }

    @Test("veths are queried when their pod appears, on their link's events and every 10 s")
    func programs() async {
        let rig = Rig(.v6)
        let pod = rig.node.pod(1, onSecondary: true)
        await rig.start()
        await rig.observe(pod.addition + pod.answers)
        await rig.settle()
        rig.asked.forget()
        await rig.wait(.seconds(1))
        #expect(rig.asked.interfaces == [])

        await rig.observe([.linkChanged(pod.veth(qdisc: "tbf"))])
        await rig.settle()
        #expect(rig.asked.interfaces == [[pod.vethIndex]])
        rig.asked.forget()
        await rig.wait(.seconds(10))
        #expect(rig.asked.interfaces == [[pod.vethIndex]])

        await rig.observe([.foreignProgram(interface: pod.vethIndex, present: true)])
        await rig.settle()
        #expect(await rig.programmed(pod)?.watched == .program)
    }
}
