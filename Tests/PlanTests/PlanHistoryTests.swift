// Random histories: Services come, change, fight over frontends and go, writes fail, the agent
// restarts in the middle. After every single write the datapath must know only true things.

import Model
import Randomness
import Testing

@testable import Plan

/// A node's life: what is desired, what the maps hold, and who plans.
private struct History {
    var random: SeededRandom
    var desired = Desired()
    var maps = Image()
    var planner = Planner(image: Image())
    var dirty: Set<Unit> = []
    /// Where each service port may lead now: where it led when the last plans were made, and where
    /// those lead it.
    var allowed: [ServiceID: Set<Backend>] = [:]
    /// Service ports whose clients stay with their backends. With failures none: a head that
    /// could not be written may then speak of affinity that was switched off and on again.
    var sticky: Set<ServiceID> = []
    /// The same of what each frontend says of each sender.
    var verdicts: [Frontend: [IPAddress: Set<Bool>]] = [:]
    let failsOneIn: Int?
    /// Found unsafe once; the rest would only repeat it.
    var isBroken = false

    init(seed: UInt64, failsOneIn: Int?) {
        random = SeededRandom(seed: seed)
        self.failsOneIn = failsOneIn
    }

    mutating func change() {
        let service = "s\(Int.random(in: 1...6, using: &random))"
        if random.oneIn(5) {
            desired.services[name(service)] = nil
        } else {
            desired.services[name(service)] = randomPorts(of: service)
        }
        dirty.insert(.service(name(service)))
    }

    private mutating func randomPorts(of service: String) -> [DesiredServicePort] {
        var ports: [DesiredServicePort] = []
        for family in IPFamily.allCases where !random.oneIn(4) {
            for number in 0..<Int.random(in: 1...2, using: &random) {
                var frontends: [Frontend: FrontendKind] = [:]
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    let dialled = frontend(
                        Int.random(in: 1...8, using: &random), family, port: 80 + UInt16(number))
                    frontends[dialled] =
                        [.externalIP, .clusterIP, .loadBalancer].randomElement(using: &random)!
                }
                let cluster = randomBackends(family)
                let serving = randomBackends(family)
                ports.append(
                    port(
                        service,
                        port: ["a", "b", "c"].randomElement(using: &random)! + "\(number)",
                        family: family, frontends: frontends, cluster: cluster,
                        local: randomBackends(family), serving: serving,
                        affinity: random.oneIn(3) ? 60 : nil, ranges: randomRanges(family)))
            }
        }
        return ports
    }

    private mutating func randomRanges(_ family: IPFamily) -> [CIDR] {
        let count = Int.random(in: 0...3, using: &random)
        return Set(
            (0..<count).map { _ in
                range(
                    Int.random(in: 0...15, using: &random),
                    width: Int.random(in: 0...3, using: &random),
                    family)
            }
        ).sorted()
    }

    private mutating func randomBackends(_ family: IPFamily) -> [Backend] {
        let count = Int.random(in: 0...4, using: &random)
        return (1...9).shuffled(using: &random).prefix(count).map { backend($0, family) }
    }

    /// Plans a batch, writes it one operation at a time and looks at the maps after each.
    mutating func turn(mayFail: Bool = true) {
        let units = dirty.shuffled(using: &random)
        dirty = []
        let plans = units.map { planner.plan($0, toward: desired) }
        write(plans, mayFail: mayFail)
    }

    mutating func write(_ plans: [UnitPlan], mayFail: Bool) {
        allow()
        var outcomes: [UnitOutcome] = []
        for plan in plans {
            var outcome = UnitOutcome(unit: plan.unit, applied: 0)
            for operation in plan.operations {
                if mayFail, let failsOneIn, random.oneIn(failsOneIn) {
                    outcome.failure = "injected"
                    break
                }
                maps.apply(operation)
                outcome.applied += 1
                guard !isBroken else { continue }
                for flaw in flaws(
                    of: maps, allowed: allowed, sticky: sticky,
                    verdicts: operation.concernsSenders ? verdicts : [:])
                {
                    isBroken = true
                    Issue.record("seed \(random.seed): after \(operation) of \(plan.unit): \(flaw)")
                }
            }
            outcomes.append(outcome)
        }
        for (plan, outcome) in zip(plans, outcomes) {
            dirty.formUnion(planner.commit(outcome, of: plan))
            if outcome.failure != nil { dirty.insert(plan.unit) }
        }
        #expect(planner.image == maps, "seed \(random.seed)")
    }

    private mutating func allow() {
        allowed = [:]
        for (frontend, sets) in reachable(in: maps) {
            guard let id = maps.frontends[frontend]?.id else { continue }
            allowed[id, default: []].formUnion(sets.values.joined())
        }
        sticky = []
        for port in desired.services.values.joined() {
            for (id, name) in planner.portOfID where name == port.name {
                if port.affinityTimeoutSeconds != nil, failsOneIn == nil { sticky.insert(id) }
                allowed[id, default: []].formUnion(port.clusterBackends + port.localBackends)
            }
        }
        verdicts = [:]
        let maps = maps
        let ids = Dictionary(planner.portOfID.map { ($0.value, $0.key) }) { $1 }
        for (frontend, head) in maps.frontends {
            allow(frontend) { admits($0, head, in: maps) }
            // While a head waits for its new owner it follows the old one's ranges.
            let port = desired.services.values.joined().first { ids[$0.name] == head.id }
            admit(port?.sourceRanges ?? [], frontend)
        }
        for port in desired.services.values.joined() {
            for frontend in port.frontends.keys {
                allow(frontend) { Self.shouldAdmit($0, frontend, of: port) }
                // A new head meets ranges that are on their way out.
                if let id = ids[port.name] { admit(maps.sourceRanges[id] ?? [], frontend) }
            }
        }
    }

    private mutating func allow(_ frontend: Frontend, _ verdict: (IPAddress) -> Bool) {
        for sender in Self.senders(frontend) {
            verdicts[frontend, default: [:]][sender, default: []].insert(verdict(sender))
        }
    }

    private mutating func admit(_ ranges: some Sequence<CIDR>, _ frontend: Frontend) {
        for sender in Self.senders(frontend) where ranges.contains(where: { $0.contains(sender) }) {
            verdicts[frontend, default: [:]][sender, default: []].insert(true)
        }
    }

    private static func senders(_ frontend: Frontend) -> [IPAddress] {
        [0, 3, 6, 9, 12, 15, 17].map { sender($0, frontend.address.family) }
    }

    private static func shouldAdmit(
        _ sender: IPAddress, _ frontend: Frontend, of port: DesiredServicePort
    ) -> Bool {
        port.frontends[frontend] != .loadBalancer || port.sourceRanges.isEmpty
            || port.sourceRanges.contains { $0.contains(sender) }
    }

    /// A new agent over the same maps.
    mutating func restart() {
        planner = Planner(image: maps)
        dirty = []
        write(planner.planFull(desired), mayFail: true)
    }

    /// Until nothing is left to do; without failures.
    mutating func comeToRest() {
        var turns = 0
        while !dirty.isEmpty, turns < 100 {
            turn(mayFail: false)
            turns += 1
        }
        #expect(dirty.isEmpty, "seed \(random.seed): never comes to rest")
    }

    /// The maps say what is desired, contested frontends included, and nothing else.
    func check() {
        let lost = Dictionary(grouping: planner.conflicts, by: \.frontend)
            .mapValues { Set($0.map(\.refused)) }
        var expected: [Frontend: [BackendSet: [Backend]]] = [:]
        for port in desired.services.values.joined() {
            for frontend in port.frontends.keys where lost[frontend]?.contains(port.name) != true {
                #expect(expected[frontend] == nil, "seed \(random.seed): two owners of \(frontend)")
                expected[frontend] = [.cluster: port.clusterBackends, .local: port.localBackends]
                for sender in Self.senders(frontend) {
                    #expect(
                        maps.frontends[frontend].map { admits(sender, $0, in: maps) }
                            == Self.shouldAdmit(sender, frontend, of: port), "seed \(random.seed)")
                }
            }
        }
        for (id, ranges) in maps.sourceRanges {
            let port = desired.services.values.joined().first { $0.name == planner.portOfID[id] }
            #expect(port?.sourceRanges == ranges.sorted(), "seed \(random.seed)")
        }
        #expect(reachable(in: maps) == expected, "seed \(random.seed)")
        for (list, slots) in maps.slots {
            #expect(maps.headCounts[list.service] != nil || planner.portOfID[list.service] != nil)
            #expect(Set(slots.keys) == Set(0..<UInt32(slots.count)), "seed \(random.seed)")
        }
        #expect(maps.members == expectedMembers(), "seed \(random.seed)")
        let used = Set(maps.slots.values.flatMap(\.values))
        for (id, record) in maps.backends where !used.contains(id) {
            #expect(record.state == .draining, "seed \(random.seed): \(record) is nobody's")
        }
        #expect(Set(maps.backends.values.map(\.backend)).count == maps.backends.count)
        var again = planner
        for unit in desired.services.keys.map(Unit.service) + [.unclaimed] {
            #expect(
                again.plan(unit, toward: desired).operations == [], "seed \(random.seed): \(unit)")
        }
    }
}

extension History {
    /// Of every port with affinity each backend that it may use, with its sets.
    private func expectedMembers() -> [ServiceID: [BackendID: Membership]] {
        var expected: [ServiceID: [BackendID: Membership]] = [:]
        for port in desired.services.values.joined() where port.affinityTimeoutSeconds != nil {
            for (id, name) in planner.portOfID where name == port.name {
                for backend in Set(port.clusterBackends + port.localBackends) {
                    guard let member = planner.backendIDs[backend] else { continue }
                    expected[id, default: [:]][member] = Membership(
                        isInCluster: port.clusterBackends.contains(backend),
                        isInLocal: port.localBackends.contains(backend))
                }
            }
        }
        return expected
    }
}

extension Plan.Operation {
    /// It may change who is taken by some frontend.
    fileprivate var concernsSenders: Bool {
        switch self {
        case .setSourceRange, .removeSourceRange, .setFrontend: true
        default: false
        }
    }
}

@Suite struct PlanHistoryTests {
    @Test("every prefix of every plan is safe, and the end is what is desired", arguments: 0..<6)
    func histories(run: Int) {
        var history = History(seed: SeededRandom.fresh().seed &+ UInt64(run), failsOneIn: nil)
        for step in 0..<120 {
            for _ in 0..<Int.random(in: 1...3, using: &history.random) { history.change() }
            history.turn()
            if step % 20 == 19 {
                history.comeToRest()
                history.check()
            }
        }
        finish(&history)
    }

    @Test(
        "with one write in ten failing it is as safe, and retries reach the same", arguments: 0..<6)
    func failures(run: Int) {
        var history = History(seed: SeededRandom.fresh().seed &+ UInt64(run), failsOneIn: 10)
        for step in 0..<120 {
            for _ in 0..<Int.random(in: 1...3, using: &history.random) { history.change() }
            history.turn()
            if step % 20 == 19 {
                history.comeToRest()
                history.check()
            }
        }
        finish(&history)
    }

    @Test("an agent that restarts at any moment goes on safely", arguments: 0..<6)
    func restarts(run: Int) {
        var history = History(seed: SeededRandom.fresh().seed &+ UInt64(run), failsOneIn: 5)
        for step in 0..<120 {
            history.change()
            if history.random.oneIn(4) { history.restart() } else { history.turn() }
            if step % 20 == 19 {
                history.comeToRest()
                history.check()
            }
        }
        finish(&history)
    }

    @Test("an image told again operation by operation is the same image")
    func dumpAndRestore() {
        var history = History(seed: SeededRandom.fresh().seed, failsOneIn: 10)
        for _ in 0..<50 {
            history.change()
            history.turn()
            var restored = Image()
            for operation in history.maps.operations { restored.apply(operation) }
            #expect(restored == history.maps, "seed \(history.random.seed)")
            for operation in history.maps.operations { restored.apply(operation) }
            #expect(restored == history.maps, "seed \(history.random.seed): not idempotent")
        }
    }

    /// Everything is deleted: the maps are empty, and so is the planner's memory.
    private func finish(_ history: inout History) {
        for name in history.desired.services.keys { history.dirty.insert(.service(name)) }
        history.desired = Desired()
        history.comeToRest()
        #expect(history.maps == Image(), "seed \(history.random.seed)")
        let planner = history.planner
        #expect(planner.services.isEmpty && planner.owners.isEmpty && planner.holders.isEmpty)
        #expect(planner.waiting.isEmpty && planner.portOfID.isEmpty && planner.backendIDs.isEmpty)
        #expect(
            planner.underWay.isEmpty && planner.leaving.isEmpty && planner.unownedFrontends.isEmpty)
        #expect(planner.retiredServices.isEmpty && planner.unheldBackends.isEmpty)
        #expect(planner.adoptable.isEmpty)
    }
}
