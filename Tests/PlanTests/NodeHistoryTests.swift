// Random histories of the node's own units: interfaces come and go, the primary ENI moves, the
// switch is asked for and forbidden, writes fail. Nothing may be translated by half a set of hooks.

import Model
import Randomness
import Testing

@testable import Plan

/// Three interfaces and what is wanted of them.
private struct NodeHistory {
    var random: SeededRandom
    var desired = Desired()
    var maps = Image()
    var planner = Planner(image: Image())
    var dirty: Set<Unit> = []
    let failsOneIn: Int?

    init(seed: UInt64, failsOneIn: Int?) {
        random = SeededRandom(seed: seed)
        self.failsOneIn = failsOneIn
    }

    private static let mac = MACAddress("02:00:00:00:00:01")!

    mutating func change() {
        let index = UInt32.random(in: 1...3, using: &random)
        if random.oneIn(3) {
            desired.translatesServices = !random.oneIn(4)
            let primary = UInt32.random(in: 1...3, using: &random)
            desired.node = DesiredNode(
                primaryInterface: random.oneIn(4) ? nil : primary,
                masqueradeV4: sender(Int.random(in: 0...2, using: &random)))
            dirty.insert(.node)
            return
        }
        desired.attachments[index] = [.eni, .pod, nil].randomElement(using: &random)!
        for family in IPFamily.allCases {
            let key = ENIKey(interface: index, family: family)
            desired.enis[key] =
                desired.attachments[index] == .eni
                ? ENIEgress(mac: Self.mac, mtu: random.oneIn(2) ? 1500 : 9001, nextHopMAC: nil)
                : nil
        }
        desired.veths[index] =
            desired.attachments[index] == .pod
            ? VethAddresses(v4: sender(Int.random(in: 0...2, using: &random))) : nil
        dirty.insert(.interface(index))
    }

    mutating func turn(mayFail: Bool = true) {
        let units = dirty.shuffled(using: &random)
        dirty = []
        write(units.map { planner.plan($0, toward: desired) }, mayFail: mayFail)
    }

    mutating func restart() {
        planner = Planner(image: maps)
        dirty = []
        write(planner.planFull(desired), mayFail: true)
    }

    private mutating func write(_ plans: [UnitPlan], mayFail: Bool) {
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
                check(after: operation)
            }
            outcomes.append(outcome)
        }
        for (plan, outcome) in zip(plans, outcomes) {
            dirty.formUnion(planner.commit(outcome, of: plan))
            if outcome.failure != nil { dirty.insert(plan.unit) }
        }
        #expect(planner.image == maps, "seed \(random.seed)")
    }

    private func check(after operation: Plan.Operation) {
        let primary = maps.node?.primaryInterface
        if maps.translatesServices {
            #expect(primary != nil, "seed \(random.seed): on without settings after \(operation)")
            #expect(
                primary.map { maps.attachments[$0] } == .eni,
                "seed \(random.seed): on without hooks after \(operation)")
        }
        if case .attach(let index, let role) = operation {
            #expect(
                role == .eni || maps.veths[index] == desired.veths[index],
                "seed \(random.seed): attached before it is told what it must know")
            for family in IPFamily.allCases where role == .eni {
                let key = ENIKey(interface: index, family: family)
                #expect(maps.enis[key] == desired.enis[key], "seed \(random.seed)")
            }
        }
    }

    mutating func comeToRest() {
        var turns = 0
        while !dirty.isEmpty, turns < 100 {
            turn(mayFail: false)
            turns += 1
        }
        #expect(dirty.isEmpty, "seed \(random.seed): never comes to rest")
        #expect(maps.attachments == desired.attachments, "seed \(random.seed)")
        #expect(maps.enis == desired.enis && maps.veths == desired.veths, "seed \(random.seed)")
        #expect(maps.node == desired.node, "seed \(random.seed)")
        let primary = desired.node?.primaryInterface
        let isOn =
            desired.translatesServices && primary.map { desired.attachments[$0] == .eni } == true
        #expect(maps.translatesServices == isOn, "seed \(random.seed)")
        #expect(planner.detachingENIs.isEmpty && planner.nodeUnderWay == nil)
        #expect(planner.planFull(desired).isEmpty, "seed \(random.seed): right, and written again")
    }
}

@Suite struct NodeHistoryTests {
    @Test(
        "services are translated only by complete hooks, whatever fails or restarts",
        arguments: [nil, 10, 4], [false, true])
    func histories(failsOneIn: Int?, restarts: Bool) {
        var history = NodeHistory(seed: SeededRandom.fresh().seed, failsOneIn: failsOneIn)
        for step in 0..<600 {
            for _ in 0..<Int.random(in: 1...3, using: &history.random) { history.change() }
            if restarts, history.random.oneIn(5) { history.restart() } else { history.turn() }
            if step % 10 == 9 { history.comeToRest() }
        }
        for index in UInt32(1)...3 { history.dirty.insert(.interface(index)) }
        history.dirty.insert(.node)
        history.desired = Desired()
        history.comeToRest()
        #expect(history.maps == Image(), "seed \(history.random.seed)")
    }

    @Test("settings come before the switch, and the switch goes before the hooks")
    func order() {
        var planner = Planner(image: Image())
        var desired = Desired()
        desired.node = DesiredNode(primaryInterface: 2, masqueradeV4: sender(1))
        desired.translatesServices = true
        desired.attachments[2] = .eni
        let key = ENIKey(interface: 2, family: .v4)
        let egress = ENIEgress(
            mac: MACAddress("02:00:00:00:00:01")!, mtu: 9001, nextHopMAC: nil)
        desired.enis[key] = egress
        let node = desired.node!

        #expect(planner.carryOut(.node, toward: desired) == [.setNode(node)], "no hooks yet")
        #expect(
            planner.carryOut(.interface(2), toward: desired)
                == [.setENI(key, egress), .attach(2, .eni)])
        #expect(planner.carryOut(.node, toward: desired) == [.switchServices(true)])
        #expect(
            planner.carryOut(.interface(2), toward: Desired())
                == [.switchServices(false), .detach(2, .eni), .removeENI(key)])
        #expect(planner.carryOut(.node, toward: Desired()) == [.removeNode])
        #expect(planner.image == Image())
    }

    @Test("what an earlier agent switched on stays on while its hooks are found again")
    func restored() {
        var image = Image()
        let node = DesiredNode(primaryInterface: 2, masqueradeV4: sender(1))
        for operation: Plan.Operation in [.setNode(node), .switchServices(true)] {
            image.apply(operation)
        }
        var desired = Desired()
        desired.node = node
        desired.translatesServices = true
        desired.attachments[2] = .eni
        var planner = Planner(image: image)
        #expect(planner.carryOut(.node, toward: desired) == [])
        #expect(planner.carryOut(.interface(2), toward: desired) == [.attach(2, .eni)])
        // On an interface that is to carry none it goes off.
        desired.attachments = [:]
        planner = Planner(image: image)
        #expect(planner.carryOut(.node, toward: desired) == [.switchServices(false)])
    }
}
