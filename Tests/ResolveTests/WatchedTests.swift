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
        let byName = try watched(.v4) { $0.filters.insert(filter($1.vethIndex, name: "cil_to")) }
        #expect(byName == .filter("cil_to"))
        let byKind = try watched(.v6) {
            $0.filters.insert(filter($1.vethIndex, name: "", kind: "u32"))
        }
        #expect(byKind == .filter("u32"))
    }

    @Test("the policy agent's two filters, alone, are known as such", arguments: IPFamily.allCases)
    func policed(family: IPFamily) throws {
        func pair(_ interface: UInt32) -> [TrafficFilter] {
            [(.egress, "handle_ingress"), (.ingress, "handle_egress")].map { direction, name in
                TrafficFilter(
                    interface: interface, direction: direction, priority: 1, handle: 1,
                    kind: "bpf", name: name)
            }
        }
        #expect(try watched(family) { $0.filters.formUnion(pair($1.vethIndex)) } == .policyAgent)
        #expect(
            try watched(family) { $0.filters.insert(pair($1.vethIndex)[0]) } == .policyAgent)
        // Whatever is beside them, or is not quite them, watches in its own name.
        let others: [(WatchReason, (inout NetworkState, SamplePod) -> Void)] = [
            (.filter("mine"), { $0.filters.insert(filter($1.vethIndex, name: "mine")) }),
            (.program, { $0.foreignPrograms.insert($1.vethIndex) }),
            (.qdisc("tbf"), { $0.links[$1.vethIndex]?.rootQdisc = "tbf" }),
            (.unknown, { $0.queriedPrograms.remove($1.vethIndex) }),
        ]
        for (reason, change) in others {
            let found = try watched(family) { state, pod in
                state.filters.formUnion(pair(pod.vethIndex))
                change(&state, pod)
            }
            #expect(found == reason)
        }
        let changes: [(inout TrafficFilter) -> Void] = [
            { $0.priority = 2 }, { $0.handle = 2 }, { $0.kind = "u32" },
            { $0.direction = .ingress },
            { $0.direction = .root },
        ]
        for change in changes {
            let found = try watched(family) { state, pod in
                var odd = pair(pod.vethIndex)[0]
                change(&odd)
                state.filters.insert(odd)
            }
            #expect(found == .filter("handle_ingress"))
        }
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

@Suite struct WatchedVethTests {
    @Test(
        "a watched veth carries our programs only where they see packets before its filters",
        arguments: IPFamily.allCases)
    func hooks(family: IPFamily) {
        let node = SampleNode(family)
        let pod = node.pod(3)
        for (programsRunFirst, watched, expected) in [
            (true, true, AttachmentRole.pod), (true, false, .pod), (false, true, nil),
            (false, false, .pod),
        ] as [(Bool, Bool, AttachmentRole?)] {
            var snapshot = Snapshot(settings: node.settings)
            snapshot.settings.programsRunFirst = programsRunFirst
            snapshot.network = node.empty.after(pod.addition + pod.answers)
            if watched { snapshot.network.filters.insert(filter(pod.vethIndex, name: policy)) }
            #expect(
                Resolve.network(in: snapshot).attachments[pod.vethIndex] == expected,
                "first: \(programsRunFirst), watched: \(watched)")
        }
    }
}
