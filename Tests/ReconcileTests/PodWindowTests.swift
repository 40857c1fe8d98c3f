// The windows of the CNI's ADD and DEL, event by event: what the maps say in each of them.

import Model
import NetworkFixtures
import Plan
import Reconcile
import Testing

@Suite struct PodWindowTests {
    @Test(
        "ADD of a secondary-ENI pod: on the stack until its rule is there",
        arguments: IPFamily.allCases)
    func addition(family: IPFamily) async {
        let rig = Rig(family)
        await rig.start()
        let pod = rig.node.pod(1, onSecondary: true)
        let steps = pod.addition

        await rig.observe(Array(steps[0...1]))
        await rig.settle()
        #expect(await rig.programmed(pod) == nil, "a link alone is no pod")

        await rig.observe([steps[2]])
        await rig.settle()
        var expected = pod.resolved
        expected.eni = nil
        expected.podMAC = nil
        expected.watched = .unknown
        #expect(await rig.programmed(pod) == expected, "its route is there, its rule may follow")
        #expect(rig.asked.interfaces == [[pod.vethIndex]])
        #expect(rig.asked.neighbors == [[pod.neighbor.key]])

        await rig.observe([steps[3]])
        await rig.settle()
        #expect(await rig.programmed(pod)?.eni == nil, "512 alone says nothing of the ENI")

        await rig.observe([steps[4]])
        await rig.settle()
        #expect(await rig.programmed(pod)?.eni == pod.eni)

        await rig.observe(pod.answers)
        await rig.settle()
        #expect(await rig.programmed(pod) == pod.resolved)
        #expect(await rig.datapath.image.attachments[pod.vethIndex] == .pod)
        #expect(await rig.datapath.image.attachments[SampleNode.eth1] == .eni)
    }

    @Test(
        "ADD of a primary-ENI pod: believed after the hold, not before",
        arguments: IPFamily.allCases)
    func primary(family: IPFamily) async {
        let rig = Rig(family)
        await rig.start()
        let pod = rig.node.pod(1)
        await rig.observe(pod.addition + pod.answers)
        await rig.settle()
        #expect(await rig.programmed(pod)?.eni == nil)
        await rig.wait(.milliseconds(1400))
        #expect(await rig.programmed(pod)?.eni == nil)
        await rig.wait(.milliseconds(200))
        #expect(await rig.programmed(pod) == pod.resolved)
    }

    @Test("pods of the first dump are believed at once", arguments: IPFamily.allCases)
    func firstDump(family: IPFamily) async {
        let rig = Rig(family)
        let pods = [rig.node.pod(1), rig.node.pod(2, onSecondary: true)]
        await rig.start(pods: pods)
        for pod in pods { #expect(await rig.programmed(pod) == pod.resolved) }
    }

    @Test(
        "DEL in the CNI's order: the pod stays whole until its route goes",
        arguments: IPFamily.allCases)
    func deletion(family: IPFamily) async {
        let rig = Rig(family)
        let pod = rig.node.pod(1, onSecondary: true)
        await rig.start(pods: [pod])
        for (step, event) in pod.deletion.enumerated() {
            await rig.observe([event])
            await rig.settle()
            let isGone = step >= 2
            #expect(await rig.programmed(pod) == (isGone ? nil : pod.resolved), "step \(step)")
        }
        #expect(await rig.datapath.image.attachments == [SampleNode.eth0: .eni])
        #expect(await rig.reconciler.snapshot.podHistory == PodHistory())
    }

    @Test(
        "a crash without DEL leaves rules, and rules alone are nothing",
        arguments: IPFamily.allCases)
    func crash(family: IPFamily) async {
        let rig = Rig(family)
        let pod = rig.node.pod(1, onSecondary: true)
        await rig.start(pods: [pod])
        await rig.observe([.linkRemoved(pod.vethIndex)])
        await rig.settle()
        #expect(await rig.programmed(pod) == nil)
        await rig.wait(.seconds(5))
        #expect(await rig.programmed(pod) == nil)
    }

    @Test(
        "a veth that goes down takes its pod along, and up alone does not bring it back",
        arguments: IPFamily.allCases)
    func down(family: IPFamily) async {
        let rig = Rig(family)
        let pod = rig.node.pod(1, onSecondary: true)
        await rig.start(pods: [pod])
        await rig.observe([.linkChanged(pod.veth(isUp: false))])
        await rig.settle()
        #expect(await rig.programmed(pod) == nil)
        await rig.observe([.linkChanged(pod.veth())])
        await rig.settle()
        #expect(await rig.programmed(pod) == nil, "the kernel dropped the route without a word")
        await rig.observe([.routeChanged(pod.route)])
        await rig.settle()
        #expect(await rig.programmed(pod) == pod.resolved)
    }

    @Test(
        "ipamd's restart deletes and re-adds from-rules: nothing is written",
        arguments: IPFamily.allCases)
    func flap(family: IPFamily) async {
        let rig = Rig(family)
        let pods = (1...20).map { rig.node.pod(UInt32($0), onSecondary: true) }
        await rig.start(pods: pods)
        await rig.datapath.forgetWritten()
        for pod in pods { await rig.observe([.ruleRemoved(pod.fromRule)]) }
        await rig.wait(.milliseconds(900))
        for pod in pods { await rig.observe([.ruleAdded(pod.fromRule)]) }
        await rig.wait(.seconds(3))
        #expect(await rig.datapath.written == [])
        #expect(await rig.reconciler.snapshot.podHistory == PodHistory())
    }

    @Test(
        "a from-rule that stays away for a second while its sibling stays was meant to go",
        arguments: IPFamily.allCases)
    func meant(family: IPFamily) async {
        let rig = Rig(family)
        let pod = rig.node.pod(1, onSecondary: true)
        await rig.start(pods: [pod])
        await rig.observe([.ruleRemoved(pod.fromRule)])
        await rig.wait(.milliseconds(980))
        #expect(await rig.programmed(pod)?.eni == pod.eni)
        await rig.wait(.milliseconds(30))
        #expect(await rig.programmed(pod)?.eni?.interface == SampleNode.eth0)
        #expect(await rig.datapath.image.attachments[SampleNode.eth1] == nil)
    }

    @Test("all rules of living pods wiped: the last mapping stays", arguments: IPFamily.allCases)
    func wiped(family: IPFamily) async {
        let rig = Rig(family)
        let pod = rig.node.pod(1, onSecondary: true)
        await rig.start(pods: [pod])
        // systemd-networkd may take them in any order.
        await rig.observe([.ruleRemoved(pod.fromRule), .ruleRemoved(pod.toRule)])
        await rig.wait(.seconds(60))
        #expect(await rig.programmed(pod) == pod.resolved)
        #expect(await rig.datapath.image.attachments[SampleNode.eth1] == .eni)

        // Messages were lost too: the dump that follows must not make it forget.
        let dump = await rig.reconciler.snapshot.network
        await rig.observe(.networkState(dump))
        await rig.wait(.seconds(60))
        #expect(await rig.programmed(pod) == pod.resolved)
    }

    @Test(
        "rules wiped while messages were lost: the dump tells, the mapping stays",
        arguments: IPFamily.allCases)
    func wipedUnseen(family: IPFamily) async {
        let rig = Rig(family)
        let pod = rig.node.pod(1, onSecondary: true)
        await rig.start(pods: [pod])
        var dump = await rig.reconciler.snapshot.network
        dump.rules.remove(pod.fromRule)
        dump.rules.remove(pod.toRule)
        dump.queriedPrograms = []
        await rig.observe(.networkState(dump))
        await rig.wait(.seconds(60))
        #expect(await rig.programmed(pod) == pod.resolved)
    }

    @Test(
        "the address comes back behind another veth: nothing of the old pod is believed",
        arguments: IPFamily.allCases)
    func reuse(family: IPFamily) async {
        let rig = Rig(family)
        var pod = rig.node.pod(1, onSecondary: true)
        await rig.start(pods: [pod])
        await rig.observe([.ruleRemoved(pod.fromRule)])
        // IPv6 keeps a route for each interface; replacing one is told as its removal.
        let old = pod.route.key
        pod.vethIndex = 180
        await rig.observe([.linkChanged(pod.veth())])
        if family == .v6 { await rig.observe([.routeRemoved(old)]) }
        await rig.observe([.routeChanged(pod.route), .neighborChanged(pod.neighbor)])
        await rig.settle()
        let programmed = await rig.programmed(pod)
        #expect(programmed?.veth == 180)
        #expect(programmed?.eni == nil, "the old rule's lapse is not the new pod's")
        #expect(programmed?.watched == .unknown)
    }

    @Test("a table used again by another ENI moves its pods along", arguments: IPFamily.allCases)
    func tableReuse(family: IPFamily) async {
        let rig = Rig(family)
        let pods = (1...3).map { rig.node.pod(UInt32($0), onSecondary: true) }
        await rig.start(pods: pods)

        await rig.observe([.linkRemoved(SampleNode.eth1)])
        await rig.settle()
        for pod in pods { #expect(await rig.programmed(pod)?.eni == nil) }
        #expect(await rig.datapath.image.attachments[SampleNode.eth1] == nil)

        var link = rig.node.eni(SampleNode.eth1)
        link.index = 9
        link.name = "eth2"
        var gateway = rig.node.gatewayNeighbor(2, 9)
        gateway.mac = SampleNode.mac(0xf, 99)
        let route = rig.node.defaultRoute(
            table: SampleNode.secondaryTable, subnet: 2, interface: 9)
        await rig.observe([.linkChanged(link), .routeChanged(route), .neighborChanged(gateway)])
        await rig.settle()
        for pod in pods {
            #expect(await rig.programmed(pod)?.eni?.interface == 9)
            #expect(await rig.programmed(pod)?.eni?.nextHopMAC == SampleNode.mac(0xf, 99))
        }
        #expect(await rig.datapath.image.attachments[9] == .eni)
    }

    @Test("a policy's filter takes the pod off the shortcut in the very next turn")
    func filter() async {
        for family in IPFamily.allCases {
            let rig = Rig(family)
            let pod = rig.node.pod(1)
            await rig.start(pods: [pod])
            await rig.wait(.seconds(1))
            let filter = TrafficFilter(
                interface: pod.vethIndex, direction: .egress, priority: 1, handle: 1, kind: "bpf",
                name: "handle_ingress")
            await rig.observe([.filterAdded(filter)])
            _ = await rig.reconciler.turn()
            #expect(await rig.programmed(pod)?.watched == .policyAgent)
            await rig.observe([.filterRemoved(filter)])
            await rig.settle()
            #expect(await rig.programmed(pod) == pod.resolved)
        }
    }

    @Test("the recorded life of a node, event by event, ends empty")
    func recorded() async throws {
        let rig = Rig(.v4, settings: { $0.primaryInterface = "eth0" })
        var state = NetworkState()
        state.links[3] = Link(
            index: 3, name: "eth0", kind: "", mac: SampleNode.mac(1, 3), mtu: 9001, isUp: true)
        await rig.start(state)
        var reader = KernelText(indexes: ["eth0": 3])
        let events = reader.events(try KernelText.fixture("netlink-events-sim.txt"))
        #expect(events.count > 40)
        let first = IPAddress(v4: 10, 0, 2, 33)
        let second = IPAddress(v4: 10, 0, 2, 34)
        var seen: Set<IPAddress> = []
        var exits: Set<UInt32> = []
        for event in events {
            await rig.observe([event])
            await rig.settle()
            for (address, pod) in await rig.datapath.image.pods {
                seen.insert(address)
                if let eni = pod.eni { exits.insert(eni.interface) }
            }
        }
        #expect(seen == [first, second])
        #expect(exits == [5], "only ever by eth1")
        #expect(await rig.datapath.image.pods.isEmpty, "the second died without DEL")
        #expect(await rig.datapath.image.attachments == [3: .eni])
    }
}
