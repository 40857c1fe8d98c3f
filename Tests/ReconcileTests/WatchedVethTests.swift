// Where filters run before our programs, a veth that somebody comes to watch loses ours, and gets
// them back when it is left alone.

import Model
import NetworkFixtures
import Plan
import Reconcile
import Testing

@Suite struct WatchedVethTests {
    @Test("programs come and go with the filters of others", arguments: IPFamily.allCases)
    func comesAndGoes(family: IPFamily) async {
        let rig = Rig(family, settings: { $0.programsRunFirst = false })
        let pod = rig.node.pod(1)
        await rig.start(pods: [pod])
        func attached() async -> AttachmentRole? {
            await rig.datapath.image.attachments[pod.vethIndex]
        }
        #expect(await attached() == .pod)
        let filter = TrafficFilter(
            interface: pod.vethIndex, direction: .ingress, priority: 1, handle: 1, kind: "bpf",
            name: "handle_egress")
        await rig.observe([.filterAdded(filter)])
        await rig.settle()
        #expect(await attached() == nil)
        #expect(await rig.programmed(pod)?.watched != nil)
        await rig.observe([.filterRemoved(filter)])
        await rig.settle()
        #expect(await attached() == .pod)
    }

    @Test("a new pod's veth is left alone until it was looked at", arguments: IPFamily.allCases)
    func newPod(family: IPFamily) async {
        let rig = Rig(family, settings: { $0.programsRunFirst = false })
        await rig.start()
        let pod = rig.node.pod(1)
        await rig.observe(pod.addition)
        await rig.settle()
        #expect(await rig.datapath.image.attachments[pod.vethIndex] == nil)
        await rig.observe(pod.answers)
        await rig.settle()
        #expect(await rig.datapath.image.attachments[pod.vethIndex] == .pod)
    }

    @Test("the XDP program follows the primary ENI and goes when nobody asks for it")
    func xdp() async {
        let rig = Rig(settings: { $0.xdp = true })
        await rig.start()
        #expect(await rig.datapath.image.xdpInterface == SampleNode.eth0)
        let off = Rig(datapath: rig.datapath)
        await off.start()
        #expect(await rig.datapath.image.xdpInterface == nil)
    }
}
