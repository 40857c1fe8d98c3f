// A reconciler with its surroundings made up: a clock that stands still, maps that are a value, and
// a kernel that answers what it is asked.

import Logging
import Model
import NetworkFixtures
import Plan
import Reconcile
import Resolve
import Synchronization

/// What the reconciler asked of others.
final class Asked: Sendable {
    private let state = Mutex(
        (
            neighbors: [[Neighbor.Key]](), interfaces: [[UInt32]](),
            healthPorts: [[ObjectName: [DesiredHealthPort]]]()
        ))

    var neighbors: [[Neighbor.Key]] { state.withLock { $0.neighbors } }
    var interfaces: [[UInt32]] { state.withLock { $0.interfaces } }
    func note(_ keys: [Neighbor.Key]) { state.withLock { $0.neighbors.append(keys) } }
    var healthPorts: [[ObjectName: [DesiredHealthPort]]] { state.withLock { $0.healthPorts } }
    func note(_ ports: [ObjectName: [DesiredHealthPort]]) {
        state.withLock { $0.healthPorts.append(ports) }
    }
    func note(_ indexes: [UInt32]) { state.withLock { $0.interfaces.append(indexes) } }
    func forget() { state.withLock { $0 = ([], [], []) } }
}

/// One reconciler under test. Turns are taken by hand, so nothing happens behind a test's back.
struct Rig {
    let node: SampleNode
    let clock = ManualClock()
    let asked = Asked()
    let datapath: FakeDatapath
    let reconciler: Reconciler

    init(
        _ family: IPFamily = .v4, datapath: FakeDatapath = FakeDatapath(),
        pace: (inout Pace) -> Void = { _ in }, settings: (inout Settings) -> Void = { _ in }
    ) {
        let node = SampleNode(family)
        var chosen = Pace()
        pace(&chosen)
        var adjusted = node.settings
        settings(&adjusted)
        let asked = asked
        self.node = node
        self.datapath = datapath
        reconciler = Reconciler(
            settings: adjusted, applier: datapath,
            requests: Requests(
                provokeNeighbors: { asked.note($0) }, queryPrograms: { asked.note($0) },
                serveHealthPorts: { asked.note($0) }),
            pace: chosen, clock: clock,
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    func observe(_ changes: Change...) async { await reconciler.observe(changes) }

    func observe(_ events: [NetworkEvent]) async {
        await reconciler.observe(events.map(Change.network))
    }

    /// Both sources have told everything: this network, and no Services unless told before.
    func start(_ state: NetworkState? = nil, pods: [SamplePod] = []) async {
        let events = pods.flatMap { $0.addition + $0.answers }
        await observe(
            .networkState((state ?? node.empty).after(events)), .complete(.network),
            .complete(.services))
        await settle()
    }

    /// Takes turns, moving the clock past the gap between passes, until nothing is left to do now.
    func settle(turns: Int = 40) async {
        for _ in 0..<turns {
            let next = await reconciler.turn()
            let gap = next - clock.now.offset
            if gap > .milliseconds(10) { return }
            if gap > .zero { clock.advance(by: gap) }
        }
    }

    /// Time passes, and what is due then is done.
    func wait(_ duration: Duration) async {
        clock.advance(by: duration)
        await settle()
    }

    /// What the maps hold of the pod.
    func programmed(_ pod: SamplePod) async -> DesiredPod? {
        await datapath.image.pods[pod.address]
    }
}
