// Who else looks at a pod's packets. Nothing may be carried around a policy.

import Model
import NetworkFixtures
import Resolve
import Testing

private let policy = "handle_ingress"

private func watched(
    _ family: IPFamily, history: (inout PodHistory, SamplePod) -> Void = { _, _ in },
    _ change: (inout NetworkState, SamplePod) -> Void
) throws -> WatchReason? {
    let node = SampleNode(family)
    let pod = node.pod(3)
    var state = node.empty.after(pod.addition + pod.answers)
    change(&state, pod)
    var snapshot = Snapshot(settings: node.settings)
    snapshot.network = state
    history(&snapshot.podHistory, pod)
    return try #require(Resolve.pod(pod.address, in: snapshot)).watched
}

private func filter(_ interface: UInt32, name: String, kind: String = "bpf") -> TrafficFilter {
    TrafficFilter(
        interface: interface, direction: .egress, priority: 1, handle: 1, kind: kind, name: name)
}

@Suite struct WatchedTests {
    @Test("a veth whose hooks nobody queried counts as watched", arguments: IPFamily.allCases)
    func unknown(family: IPFamily) throws {
        #expect(try watched(family) { $0.queriedPrograms.remove($1.vethIndex) } == .unknown)
    }

    @Test("a veth that was queried and is clean is not watched", arguments: IPFamily.allCases)
    func clean(family: IPFamily) throws {
        #expect(try watched(family) { _, _ in } == nil)
    }

    @Test("a filter of somebody else's watches, named by its program or else its kind")
    func filters() throws {
        let byName = try watched(.v4) { $0.filters.insert(filter($1.vethIndex, name: policy)) }
        #expect(byName == .filter(policy))
        let byKind = try watched(.v6) {
            $0.filters.insert(filter($1.vethIndex, name: "", kind: "u32"))
        }
        #expect(byKind == .filter("u32"))
    }

    @Test("our own filter does not watch")
    func own() throws {
        let reason = try watched(.v4) {
            $0.filters.insert(filter($1.vethIndex, name: TrafficFilter.ownNamePrefix + "pod"))
        }
        #expect(reason == nil)
    }

    @Test("another pod's filter does not watch this one")
    func anothers() throws {
        #expect(try watched(.v4) { $0.filters.insert(filter($1.vethIndex + 1, name: "x")) } == nil)
    }

    @Test("a tcx program of somebody else's watches")
    func program() throws {
        #expect(try watched(.v6) { $0.foreignPrograms.insert($1.vethIndex) } == .program)
    }

    @Test("a qdisc that shapes watches")
    func qdisc() throws {
        #expect(try watched(.v4) { $0.links[$1.vethIndex]?.rootQdisc = "tbf" } == .qdisc("tbf"))
    }

    @Test("where the policy agent is on the node, a new pod counts as watched until it settles")
    func policyAgent() throws {
        func change(_ state: inout NetworkState, _ pod: SamplePod) {
            state.filters.insert(filter(pod.vethIndex + 1, name: policy))
        }
        #expect(try watched(.v4, history: { $0.unsettled.insert($1.address) }, change) == .unknown)
        #expect(try watched(.v4, change) == nil)
    }
}
