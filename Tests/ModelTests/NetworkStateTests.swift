// Folding kernel events: what is said, what is left unsaid, and the index beside it.

import Model
import NetworkFixtures
import Randomness
import Testing

@Suite struct NetworkStateTests {
    @Test("the index is what a walk over the state finds, after any history")
    func index() {
        let base = SeededRandom.fresh().seed
        for seed in (0..<40).map({ base &+ UInt64($0) }) {
            var random = SeededRandom(seed: seed)
            let node = SampleNode(random.oneIn(2) ? .v4 : .v6)
            var snapshot = Snapshot(settings: node.settings)
            snapshot.network = node.empty
            for _ in 0..<100 {
                let event = RandomEvents.next(node, &random)
                for event in snapshot.network.unannounced(by: event) + [event] {
                    snapshot.applyAlone(event)
                }
            }
            #expect(snapshot.networkIndex == NetworkIndex(snapshot.network), "seed \(seed)")
        }
    }

    @Test(
        "the difference of two states leads from one to the other, and of one to itself is nothing")
    func difference() {
        let base = SeededRandom.fresh().seed
        for seed in (0..<60).map({ base &+ UInt64($0) }) {
            var random = SeededRandom(seed: seed)
            let node = SampleNode(random.oneIn(2) ? .v4 : .v6)
            func wander() -> NetworkState {
                (0..<40).reduce(into: node.empty) { state, _ in
                    state.apply(RandomEvents.next(node, &random))
                }
            }
            let (a, b) = (wander(), wander())
            var reached = a.after(a.events(to: b))
            // What was queried stays queried, unless its interface went.
            reached.queriedPrograms.formIntersection(b.queriedPrograms)
            reached.foreignPrograms.formIntersection(b.queriedPrograms)
            #expect(reached == b, "seed \(seed)")
            #expect(a.events(to: a) == [], "seed \(seed)")
        }
    }

    @Test("an event tells news or it does not")
    func news() {
        let node = SampleNode(.v4)
        let pod = node.pod(1, onSecondary: true)
        var state = node.empty
        for event in pod.addition.dropFirst() + pod.answers {
            let isNews = state.apply(event)
            let isNewsAgain = state.apply(event)
            #expect(isNews, "\(event)")
            #expect(!isNewsAgain, "\(event)")
        }
    }

    @Test("a link that goes takes all that was on it along", arguments: IPFamily.allCases)
    func gone(family: IPFamily) {
        let node = SampleNode(family)
        let pod = node.pod(1)
        let filter = TrafficFilter(
            interface: pod.vethIndex, direction: .ingress, priority: 1, handle: 1, kind: "bpf")
        let state = node.empty.after(
            pod.addition + pod.answers + [.filterAdded(filter), .linkRemoved(pod.vethIndex)])
        var expected = node.empty
        expected.rules.insert(pod.toRule)
        #expect(state == expected, "only its rule leaks")
    }

    @Test("a link that goes down drops its routes and keeps the rest", arguments: IPFamily.allCases)
    func down(family: IPFamily) {
        let node = SampleNode(family)
        let pod = node.pod(1)
        var state = node.empty.after(pod.addition)
        state.apply(.linkChanged(pod.veth(isUp: false)))
        #expect(state.routes[pod.route.key] == nil)
        #expect(state.rules.contains(pod.toRule))
        state.apply(.linkChanged(pod.veth()))
        #expect(state.routes[pod.route.key] == nil, "they do not come back by themselves")
    }

    @Test("an index given to another interface keeps nothing that was queried of the old one")
    func reusedIndex() {
        let node = SampleNode(.v6)
        let pod = node.pod(1)
        let state = node.empty.after(pod.addition + pod.answers)
        #expect(state.queriedPrograms == [pod.vethIndex])
        var other = state
        other.queriedPrograms = []
        other.links[pod.vethIndex]?.name = "enibbbbbbbbbbb"
        #expect(state.after(state.events(to: other)) == other)
        other.links[pod.vethIndex]?.name = pod.vethName
        #expect(state.after(state.events(to: other)).queriedPrograms == [pod.vethIndex])
    }

    @Test("an answer about an interface that is gone tells nothing")
    func lateAnswer() {
        var state = NetworkState()
        let isNews = state.apply(.foreignProgram(interface: 7, present: true))
        #expect(!isNews)
        #expect(state == NetworkState())
    }

    @Test("a filter replaced in its place, or removed by its whole priority, leaves nothing behind")
    func filters() {
        func filter(_ program: UInt32, handle: UInt32 = 1, priority: UInt16 = 1) -> TrafficFilter {
            TrafficFilter(
                interface: 5, direction: .egress, priority: priority, handle: handle, kind: "bpf",
                programID: program)
        }
        var state = NetworkState()
        state.apply(.filterAdded(filter(1)))
        state.apply(.filterAdded(filter(2)))
        #expect(state.filters == [filter(2)])
        state.apply(.filterAdded(filter(3, handle: 2)))
        state.apply(.filterAdded(filter(4, priority: 2)))
        state.apply(.filterRemoved(filter(0, handle: 0)))
        #expect(state.filters == [filter(4, priority: 2)])
    }
}
