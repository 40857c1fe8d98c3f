// What an earlier agent left is kept until everything is known, and readiness is told honestly.

import Model
import NetworkFixtures
import Plan
import Reconcile
import Resolve
import Testing

private func left(_ node: SampleNode, _ pods: [SamplePod]) -> Image {
    var image = Image()
    for pod in pods { image.apply(.setPod(pod.resolved)) }
    image.apply(.attach(SampleNode.eth0, .eni))
    return image
}

@Suite struct CompletenessTests {
    @Test("nothing is pruned until both sources are complete", arguments: IPFamily.allCases)
    func prune(family: IPFamily) async {
        let node = SampleNode(family)
        let kept = node.pod(1)
        let stale = node.pod(2)
        for order in [[Source.services, .network], [.network, .services]] {
            let rig = Rig(family, datapath: FakeDatapath(left(node, [kept, stale])))
            let state = node.empty.after(kept.addition + kept.answers)
            await rig.observe(.networkState(state))
            await rig.settle()
            #expect(await rig.datapath.written == [], "half a picture programs nothing")

            await rig.observe(.complete(order[0]))
            await rig.settle()
            #expect(await rig.programmed(stale) == stale.resolved)
            #expect(await rig.reconciler.status.isReady == false)

            await rig.observe(.complete(order[1]))
            await rig.settle()
            #expect(await rig.programmed(stale) == nil)
            #expect(await rig.programmed(kept) == kept.resolved)
            #expect(await rig.reconciler.status.isReady)
        }
    }

    @Test(
        "what is right already is not written again after a restart", arguments: IPFamily.allCases)
    func restart(family: IPFamily) async {
        let first = Rig(family)
        let pods = [first.node.pod(1), first.node.pod(2, onSecondary: true)]
        await first.start(pods: pods)
        let second = Rig(family, datapath: first.datapath)
        await first.datapath.forgetWritten()
        await second.start(pods: pods)
        #expect(await second.datapath.written == [])
        #expect(await second.reconciler.status.isReady)
    }

    @Test("a pod that the network reports gone is removed while Services are still away")
    func goneEarly() async {
        let rig = Rig(.v4)
        let pod = rig.node.pod(1)
        let state = rig.node.empty.after(pod.addition + pod.answers)
        await rig.observe(.networkState(state), .complete(.network))
        await rig.settle()
        #expect(await rig.programmed(pod) == pod.resolved)
        await rig.observe(pod.deletion)
        await rig.settle()
        #expect(await rig.programmed(pod) == nil)
    }

    @Test("maps that can't be read are tried again, and nothing is written before")
    func unreadable() async {
        let rig = Rig(.v6)
        await rig.datapath.failRestores(2)
        await rig.start(pods: [rig.node.pod(1)])
        #expect(await rig.datapath.written == [])
        await rig.wait(.milliseconds(110))
        #expect(await rig.datapath.written == [])
        await rig.wait(.milliseconds(210))
        #expect(await rig.datapath.restores == 3)
        #expect(await rig.programmed(rig.node.pod(1)) != nil)
        #expect(await rig.reconciler.status.isReady)
    }

    @Test("a node that is not programmed completely is not ready, and says what fails")
    func failing() async throws {
        let rig = Rig(.v4)
        let pod = rig.node.pod(1)
        await rig.datapath.refuse { operation in
            if case .setPod = operation { "map full" } else { nil }
        }
        await rig.start(pods: [pod])
        await rig.wait(.seconds(1))
        var status = await rig.reconciler.status
        #expect(!status.isReady)
        let unit = try #require(status.failing.first)
        #expect(status.failing.count == 1)
        #expect(unit.unit == .pod(pod.address))
        #expect(unit.reason == "map full")
        #expect(unit.age >= .seconds(1))
        #expect(unit.failures > 1)

        await rig.datapath.refuse(nil)
        await rig.wait(.seconds(5))
        status = await rig.reconciler.status
        #expect(status.isReady)
        #expect(status.failing.isEmpty)
        #expect(await rig.programmed(pod) == pod.resolved)
    }

    @Test("one unit that is refused for good does not keep the others from acting")
    func actsWithoutRefused() async throws {
        let rig = Rig(.v6)
        let pods = [rig.node.pod(1), rig.node.pod(2)]
        await rig.datapath.refuse { operation in
            if case .setPod(let pod) = operation, pod.address == pods[0].address {
                "map full"
            } else {
                nil
            }
        }
        await rig.start(pods: pods)
        #expect(await !rig.reconciler.status.hasTriedAll)
        for _ in 0..<Pace().triesBeforeActing { await rig.wait(.seconds(1)) }
        let status = await rig.reconciler.status
        #expect(status.hasTriedAll)
        #expect(!status.isReady)
        #expect(await rig.programmed(pods[1]) != nil)
    }

    @Test("an audit compares everything and writes nothing where all is right")
    func audit() async {
        let rig = Rig(.v6)
        await rig.start(pods: [rig.node.pod(1), rig.node.pod(2, onSecondary: true)])
        let before = await rig.reconciler.status.counters
        await rig.datapath.forgetWritten()
        await rig.reconciler.requestAudit()
        await rig.settle()
        await rig.wait(.seconds(3601))
        let after = await rig.reconciler.status.counters
        #expect(after.fullPasses == before.fullPasses + 2, "one asked for, one by the hour")
        #expect(await rig.datapath.written == [])
    }

    @Test("what is deleted leaves nothing behind", arguments: IPFamily.allCases)
    func emptied(family: IPFamily) async {
        let rig = Rig(family)
        await rig.start(pods: (1...5).map { rig.node.pod(UInt32($0), onSecondary: $0 % 2 == 0) })
        await rig.observe(.networkState(NetworkState()))
        await rig.settle()
        let image = await rig.datapath.image
        #expect(image.pods.isEmpty)
        #expect(image.localAddresses.isEmpty)
        #expect(image.attachments.isEmpty)
        #expect(await rig.reconciler.desired.pods.isEmpty)
    }
}
