// Writes fail, orders differ, messages are lost: it ends where a fresh start would.

import Model
import NetworkFixtures
import Plan
import Randomness
import Reconcile
import Resolve
import Testing

@Suite struct FailureTests {
    /// Lives of pods, interleaved at random; each life in the kernel's order.
    static func history(
        _ node: SampleNode, _ random: inout SeededRandom
    ) -> [NetworkEvent] {
        var lives: [[NetworkEvent]] = (1...8).map { number in
            let pod = node.pod(UInt32(number), onSecondary: random.oneIn(2))
            var life = pod.addition
            if random.oneIn(2) {
                // ipamd's restart, or a veth that flaps.
                if pod.isOnSecondary {
                    life += [.ruleRemoved(pod.fromRule), .ruleAdded(pod.fromRule)]
                }
                life += [
                    .linkChanged(pod.veth(isUp: false)), .linkChanged(pod.veth()),
                    .routeChanged(pod.route),
                ]
            }
            life += pod.answers
            if random.oneIn(3) { life += pod.deletion }
            return life
        }
        let eni = node.eni(SampleNode.eth1)
        let route = node.defaultRoute(table: 2, subnet: 2, interface: SampleNode.eth1)
        lives.append([
            .linkRemoved(eni.index), .linkChanged(eni), .routeChanged(route),
            .neighborChanged(node.gatewayNeighbor(2, eni.index)),
        ])
        var events: [NetworkEvent] = []
        while !lives.isEmpty {
            let pick = Int.random(in: lives.indices, using: &random)
            events.append(lives[pick].removeFirst())
            if lives[pick].isEmpty { lives.remove(at: pick) }
        }
        return events
    }

    @Test("any order of pods' lives ends as a fresh dump of the same kernel would")
    func order() async {
        let base = SeededRandom.fresh().seed
        for seed in (0..<40).map({ base &+ UInt64($0) }) {
            var random = SeededRandom(seed: seed)
            let rig = Rig(seed % 2 == 0 ? .v4 : .v6)
            await rig.start()
            for event in Self.history(rig.node, &random) {
                await rig.observe([event])
                if random.oneIn(3) { await rig.settle() }
                if random.oneIn(20) { await rig.wait(.seconds(2)) }
            }
            await rig.wait(.seconds(5))
            let fresh = Rig(rig.node.family)
            await fresh.start(await rig.reconciler.snapshot.network)
            #expect(
                await rig.reconciler.desired == fresh.reconciler.desired, "seed \(seed)")
            #expect(await rig.datapath.image == fresh.datapath.image, "seed \(seed)")
        }
    }

    @Test("a datapath that fails one write in ten converges")
    func faulty() async {
        let base = SeededRandom.fresh().seed
        for seed in (0..<20).map({ base &+ UInt64($0) }) {
            var random = SeededRandom(seed: seed)
            let rig = Rig(
                seed % 2 == 0 ? .v4 : .v6,
                datapath: FakeDatapath(failsOnceIn: 10, seed: seed))
            await rig.start()
            for event in Self.history(rig.node, &random) {
                await rig.observe([event])
                if random.oneIn(2) { await rig.settle() }
            }
            for _ in 0..<100 {
                await rig.wait(.seconds(2))
                if await rig.reconciler.status.waiting == 0 { break }
            }
            let desired = Resolve.network(in: await rig.reconciler.snapshot)
            let image = await rig.datapath.image
            #expect(await rig.reconciler.status.failing.isEmpty, "seed \(seed)")
            #expect(await rig.reconciler.status.isReady, "seed \(seed)")
            #expect(image.pods == desired.pods, "seed \(seed)")
            #expect(image.attachments == desired.attachments, "seed \(seed)")
            #expect(image.localAddresses == desired.localAddresses, "seed \(seed)")
            #expect(image.prefixes == desired.prefixes, "seed \(seed)")
        }
    }

    @Test("retries slow down, and a change of the unit is tried at once")
    func backoff() async {
        let rig = Rig(.v4)
        await rig.start()
        let pod = rig.node.pod(1, onSecondary: true)
        await rig.datapath.refuse { operation in
            if case .setPod = operation { "map full" } else { nil }
        }
        await rig.observe(pod.addition)
        await rig.settle()
        func failed() async -> UInt64 { await rig.reconciler.status.counters.unitsFailed }
        let first = await failed()
        await rig.wait(.milliseconds(80))
        #expect(await failed() == first)
        await rig.wait(.milliseconds(30))
        #expect(await failed() == first + 1)
        await rig.wait(.milliseconds(110))
        #expect(await failed() == first + 1, "twice as long now")
        await rig.observe(pod.answers)
        await rig.settle()
        #expect(await failed() == first + 2)
    }

    @Test("other units go on while one fails")
    func others() async {
        let rig = Rig(.v6)
        let bad = rig.node.pod(1)
        let good = rig.node.pod(2)
        await rig.datapath.refuse { operation in
            if case .setPod(let pod) = operation, pod.address == bad.address { "no" } else { nil }
        }
        await rig.start(pods: [bad, good])
        #expect(await rig.programmed(good) == good.resolved)
        #expect(await rig.programmed(bad) == nil)
    }
}
