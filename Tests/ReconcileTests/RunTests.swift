// The loop itself: wakes for observations and deadlines, lets others wait, and ends when told.

import Model
import NetworkFixtures
import Reconcile
import Testing

@Suite struct RunTests {
    @Test(
        "the loop programs what is observed, and tells who waits for it",
        arguments: IPFamily.allCases)
    func settled(family: IPFamily) async throws {
        let rig = Rig(family, pace: { $0.gap = .zero })
        let loop = Task { await rig.reconciler.run() }
        let pod = rig.node.pod(1, onSecondary: true)
        let state = rig.node.empty.after(pod.addition + pod.answers)
        await rig.observe(.networkState(state), .complete(.network), .complete(.services))
        try await rig.reconciler.settled()
        #expect(await rig.programmed(pod) == pod.resolved)
        #expect(await rig.reconciler.status.isReady)

        await rig.observe(pod.deletion)
        try await rig.reconciler.settled()
        #expect(await rig.programmed(pod) == nil)
        loop.cancel()
        await loop.value
    }

    @Test("the loop wakes for a hold that ends")
    func wakes() async throws {
        let rig = Rig(.v4, pace: { $0.gap = .zero })
        let loop = Task { await rig.reconciler.run() }
        await rig.observe(
            .networkState(rig.node.empty), .complete(.network), .complete(.services))
        let pod = rig.node.pod(1)
        await rig.observe(pod.addition + pod.answers)
        try await rig.reconciler.settled()
        #expect(await rig.programmed(pod)?.eni == nil)
        rig.clock.advance(by: .seconds(2))
        try await rig.reconciler.settled()
        #expect(await rig.programmed(pod) == pod.resolved)
        loop.cancel()
        await loop.value
    }

    @Test("whoever waits for what never comes is let go when the loop ends")
    func abandoned() async {
        let rig = Rig(.v6)
        let loop = Task { await rig.reconciler.run() }
        await rig.observe(.networkState(rig.node.empty))
        let waiter = Task { try await rig.reconciler.settled() }
        loop.cancel()
        await loop.value
        await #expect(throws: CancellationError.self) { try await waiter.value }
    }

    @Test("a waiter can be cancelled by itself")
    func cancelledWaiter() async {
        let rig = Rig(.v4)
        await rig.observe(.networkState(rig.node.empty))
        let waiter = Task { try await rig.reconciler.settled() }
        waiter.cancel()
        await #expect(throws: CancellationError.self) { try await waiter.value }
    }
}
