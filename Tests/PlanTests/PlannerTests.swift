// The planner's rules one by one: order, ids, sharing, conflicts, failures. The random histories
// are in PlanHistoryTests.

import Model
import Testing

@testable import Plan

@Suite struct PlannerTests {
    @Test(
        "a new Service is written from the back: backends, slots, heads",
        arguments: IPFamily.allCases)
    func order(family: IPFamily) {
        var planner = Planner(image: Image())
        let desired = Desired([
            port(
                "web", family: family, frontends: [frontend(1, family): .clusterIP],
                cluster: [backend(1, family), backend(2, family)])
        ])
        let operations = planner.carryOut(.service(name("web")), toward: desired)
        let (one, two) = (BackendID(rawValue: 1), BackendID(rawValue: 2))
        let id = ServiceID(rawValue: 1)
        #expect(operations.count == 5)
        #expect(Set(operations.prefix(2).map(\.isBackend)) == [true])
        #expect(
            Set(operations[2..<4]) == [
                .setSlot(SlotKey(service: id, set: .cluster, slot: 0), one),
                .setSlot(SlotKey(service: id, set: .cluster, slot: 1), two),
            ])
        guard case .setFrontend(let dialled, let head) = operations[4] else {
            Issue.record("the last write is no head")
            return
        }
        #expect(dialled == frontend(1, family))
        #expect(head.clusterCount == 2)
        #expect(head.isUsableAnywhere)
        #expect(planner.plan(.service(name("web")), toward: desired).operations == [])
    }

    @Test("one backend of three leaves: its slot filled, heads flipped, slot out, backend out")
    func shrink() {
        var planner = Planner(image: Image())
        func desired(_ backends: [Backend]) -> Desired {
            Desired([port("web", frontends: [frontend(1): .clusterIP], cluster: backends)])
        }
        planner.carryOut(
            .service(name("web")), toward: desired([backend(1), backend(2), backend(3)]))
        let operations = planner.carryOut(
            .service(name("web")), toward: desired([backend(2), backend(3)]))
        #expect(operations.map(\.step) == [.slot, .head, .slotOut, .backendOut])
        #expect(flaws(of: planner.image) == [])
        #expect(planner.image.backends.count == 2)
    }

    @Test("several frontends share one service id and one list of slots")
    func sharedID() {
        var planner = Planner(image: Image())
        let desired = Desired([
            port(
                "web",
                frontends: [
                    frontend(1): .clusterIP, frontend(2): .externalIP, frontend(3): .loadBalancer,
                ], cluster: [backend(1)])
        ])
        planner.carryOut(.service(name("web")), toward: desired)
        #expect(Set(planner.image.frontends.values.map(\.id)).count == 1)
        #expect(planner.image.slots.count == 1)
        #expect(planner.image.frontends[frontend(3)]?.kind == .loadBalancer)
    }

    @Test("a backend of two Services stays until the second one leaves it")
    func sharedBackend() {
        var planner = Planner(image: Image())
        var desired = Desired([
            port("a", frontends: [frontend(1): .clusterIP], cluster: [backend(1)]),
            port("b", frontends: [frontend(2): .clusterIP], cluster: [backend(1)]),
        ])
        planner.settle(desired)
        #expect(planner.image.backends.count == 1)
        desired.services[name("a")] = nil
        planner.settle(desired)
        #expect(planner.image.backends.count == 1)
        #expect(flaws(of: planner.image) == [])
        desired.services[name("b")] = nil
        planner.settle(desired)
        #expect(planner.image == Image())
    }

    @Test("one batch takes a backend from one Service and gives it to another")
    func movingBackend() {
        var planner = Planner(image: Image())
        var desired = Desired([
            port("a", frontends: [frontend(1): .clusterIP], cluster: [backend(1)]),
            port("b", frontends: [frontend(2): .clusterIP], cluster: [backend(2)]),
        ])
        planner.settle(desired)
        desired = Desired([
            port("a", frontends: [frontend(1): .clusterIP], cluster: [backend(3)]),
            port("b", frontends: [frontend(2): .clusterIP], cluster: [backend(1)]),
        ])
        let plans = [name("a"), name("b")].map { planner.plan(.service($0), toward: desired) }
        for plan in plans {
            let outcome = UnitOutcome(unit: plan.unit, applied: plan.operations.count)
            _ = planner.commit(outcome, of: plan)
            #expect(flaws(of: planner.image) == [])
        }
        #expect(reachable(in: planner.image)[frontend(2)]?[.cluster] == [backend(1)])
    }

    @Test("of two Services that claim one frontend the first keeps it, and the other is named")
    func conflict() {
        var planner = Planner(image: Image())
        let shared = frontend(9)
        var desired = Desired([
            port(
                "b", frontends: [frontend(2): .clusterIP, shared: .externalIP],
                cluster: [backend(2)])
        ])
        planner.settle(desired)
        desired.services[name("a")] = [
            port(
                "a", frontends: [frontend(1): .clusterIP, shared: .externalIP],
                cluster: [backend(1)])
        ]
        planner.settle(desired)
        #expect(reachable(in: planner.image)[shared]?[.cluster] == [backend(2)])
        #expect(planner.conflicts.map(\.refused.service) == [name("a")])
        #expect(planner.conflicts.map(\.owner.service) == [name("b")])

        desired.services[name("b")] = nil
        planner.settle(desired)
        #expect(reachable(in: planner.image)[shared]?[.cluster] == [backend(1)])
        #expect(planner.conflicts == [])
    }

    @Test("who was programmed before a restart keeps a contested frontend, whatever its name")
    func conflictAfterRestart() {
        let shared = frontend(9)
        func claim(_ service: String, _ n: Int) -> DesiredServicePort {
            port(
                service, frontends: [frontend(n): .clusterIP, shared: .externalIP],
                cluster: [backend(n)])
        }
        var first = Planner(image: Image())
        first.settle(Desired([claim("b", 2)]))
        var second = Planner(image: first.image)
        let plans = second.planFull(Desired([claim("a", 1), claim("b", 2)]))
        #expect(plans.map(\.unit) == [.service(name("a"))])
        #expect(second.conflicts.map(\.refused.service) == [name("a")])

        var fresh = Planner(image: Image())
        _ = fresh.planFull(Desired([claim("a", 1), claim("b", 2)]))
        #expect(fresh.conflicts.map(\.refused.service) == [name("b")])
    }

    @Test("a restart finds every id again and writes nothing")
    func restart() {
        var desired = Desired([
            port("a", frontends: [frontend(1): .clusterIP], cluster: [backend(1), backend(2)]),
            port(
                "a", family: .v6, frontends: [frontend(1, .v6): .clusterIP],
                cluster: [backend(1, .v6)], local: [backend(1, .v6)]),
            port("b", frontends: [frontend(2): .clusterIP], cluster: [backend(2)]),
        ])
        desired.localAddresses[IPAddress(v4: 10, 0, 0, 11)] = true
        var planner = Planner(image: Image())
        for plan in planner.planFull(desired) {
            _ = planner.commit(
                UnitOutcome(unit: plan.unit, applied: plan.operations.count), of: plan)
        }
        var again = Planner(image: planner.image)
        #expect(again.planFull(desired) == [])
        #expect(again.plan(.unclaimed, toward: desired).operations == [])
    }

    @Test("a Service that comes while what was left of it is on its way out builds anew")
    func sweptMeanwhile() {
        let web = Desired([port("web", frontends: [frontend(1): .clusterIP], cluster: [backend(1)])]
        )
        var first = Planner(image: Image())
        first.settle(web)
        var planner = Planner(image: first.image)
        let plans = [
            planner.plan(.unclaimed, toward: Desired()),
            planner.plan(.service(name("web")), toward: web),
        ]
        for plan in plans {
            let outcome = UnitOutcome(unit: plan.unit, applied: plan.operations.count)
            _ = planner.commit(outcome, of: plan)
            #expect(flaws(of: planner.image) == [])
        }
        #expect(reachable(in: planner.image)[frontend(1)]?[.cluster] == [backend(1)])
    }

    @Test("a frontend that one plan removes and the next one wants again is written again")
    func removedAndWanted() {
        var planner = Planner(image: Image())
        let shared = frontend(9)
        func claim(_ service: String, _ n: Int, _ isShared: Bool) -> DesiredServicePort {
            var frontends: [Frontend: FrontendKind] = [frontend(n): .clusterIP]
            if isShared { frontends[shared] = .externalIP }
            return port(service, frontends: frontends, cluster: [backend(n)])
        }
        planner.settle(Desired([claim("b", 2, true), claim("a", 1, false)]))
        // `b` lets go and `a` takes over, but nothing of it is written: the head still names `b`.
        let moved = Desired([claim("b", 2, false), claim("a", 1, true)])
        for service in ["b", "a"] {
            let plan = planner.plan(.service(name(service)), toward: moved)
            _ = planner.commit(
                UnitOutcome(unit: plan.unit, applied: 0, failure: "injected"), of: plan)
        }
        let back = Desired([claim("b", 2, true), claim("a", 1, false)])
        let plans = ["a", "b"].map { planner.plan(.service(name($0)), toward: back) }
        for plan in plans {
            let outcome = UnitOutcome(unit: plan.unit, applied: plan.operations.count)
            _ = planner.commit(outcome, of: plan)
        }
        #expect(reachable(in: planner.image)[shared]?[.cluster] == [backend(2)])
    }

    @Test("what an earlier agent left and nobody wants goes in the full pass")
    func prune() {
        var planner = Planner(image: Image())
        planner.settle(
            Desired([
                port("old", frontends: [frontend(1): .clusterIP], cluster: [backend(1)]),
                port("kept", frontends: [frontend(2): .clusterIP], cluster: [backend(1)]),
            ]))
        var second = Planner(image: planner.image)
        let desired = Desired([
            port("kept", frontends: [frontend(2): .clusterIP], cluster: [backend(1)])
        ])
        let plans = second.planFull(desired)
        #expect(plans.map(\.unit) == [.unclaimed])
        for plan in plans {
            _ = second.commit(
                UnitOutcome(unit: plan.unit, applied: plan.operations.count), of: plan)
        }
        #expect(Set(second.image.frontends.keys) == [frontend(2)])
        #expect(flaws(of: second.image) == [])
    }

    @Test("a renamed port is another service port: new id, no moment without a head")
    func rename() {
        var planner = Planner(image: Image())
        let before = Desired([
            port("web", port: "http", frontends: [frontend(1): .clusterIP], cluster: [backend(1)])
        ])
        planner.settle(before)
        let old = planner.image.frontends[frontend(1)]?.id
        let after = Desired([
            port("web", port: "web", frontends: [frontend(1): .clusterIP], cluster: [backend(1)])
        ])
        let operations = planner.carryOut(.service(name("web")), toward: after)
        #expect(!operations.contains(.removeFrontend(frontend(1))))
        #expect(planner.image.frontends[frontend(1)]?.id != old)
        #expect(planner.image.slots.count == 1)
    }

    @Test("a backend that only drains keeps its entry, and leaves when it stops serving")
    func draining() {
        var planner = Planner(image: Image())
        func desired(_ backends: [Backend], serving: [Backend] = []) -> Desired {
            Desired([
                port(
                    "web", frontends: [frontend(1): .clusterIP], cluster: backends, serving: serving
                )
            ])
        }
        planner.settle(desired([backend(1), backend(2)]))
        planner.settle(desired([backend(2)], serving: [backend(1)]))
        #expect(planner.image.backends.values.contains(BackendRecord(backend(1), .draining)))
        planner.settle(desired([backend(1), backend(2)]))
        #expect(planner.image.backends.values.allSatisfy { $0.state == .active })
        planner.settle(desired([backend(2)], serving: [backend(1)]))
        planner.settle(desired([backend(2)]))
        #expect(planner.image.backends.values.map(\.backend) == [backend(2)])
        // One that was never picked here has no flows to keep.
        planner.settle(desired([backend(2)], serving: [backend(7)]))
        #expect(planner.image.backends.count == 1)
    }

    @Test("a freed id is not handed out again while another one is left")
    func freedIDs() {
        var planner = Planner(image: Image())
        var seen: Set<BackendID> = []
        for n in 1...50 {
            planner.settle(
                Desired([port("web", frontends: [frontend(1): .clusterIP], cluster: [backend(n)])]))
            for id in planner.image.backends.keys { #expect(seen.insert(id).inserted) }
        }
    }

    @Test("identifiers wrap around, never give 0 and skip those in use")
    func wrap() {
        var source = IdentifierSource(after: .max - 1)
        #expect(source.next { _ in false } == .max)
        #expect(source.next { $0 <= 3 } == 4)
    }

    @Test("an interface that changes its role loses the old programs first")
    func role() {
        var planner = Planner(image: Image())
        var desired = Desired()
        desired.attachments[7] = .pod
        planner.carryOut(.interface(7), toward: desired)
        desired.attachments[7] = .eni
        #expect(
            planner.carryOut(.interface(7), toward: desired) == [
                .detach(7, .pod), .attach(7, .eni),
            ])
        desired.attachments[7] = nil
        #expect(planner.carryOut(.interface(7), toward: desired) == [.detach(7, .eni)])
        #expect(planner.image == Image())
    }

    @Test("pods, host addresses and prefixes: one write when they differ, none when not")
    func network() {
        var planner = Planner(image: Image())
        for family in IPFamily.allCases {
            let address = backend(1, family).address
            let pod = DesiredPod(
                address: address, veth: 3, vethMAC: MACAddress("02:00:00:00:00:01")!, mtu: 9001,
                podMAC: nil, watched: .unknown, eni: nil)
            let prefix = CIDR(address, prefixLength: 16)!
            let kind = PrefixClass(isInsideVPC: true, isExcludedFromSNAT: false)
            var desired = Desired()
            desired.pods[address] = pod
            desired.localAddresses[address] = true
            desired.prefixes[prefix] = kind
            let units: [Unit] = [.pod(address), .localAddress(address), .prefix(prefix)]
            let sets: [Plan.Operation] = [
                .setPod(pod), .setLocalAddress(address, acceptsNodePorts: true),
                .setPrefix(prefix, kind),
            ]
            #expect(units.flatMap { planner.carryOut($0, toward: desired) } == sets)
            #expect(units.flatMap { planner.carryOut($0, toward: desired) } == [])
            #expect(
                units.flatMap { planner.carryOut($0, toward: Desired()) } == [
                    .removePod(address), .removeLocalAddress(address), .removePrefix(prefix),
                ])
        }
        #expect(planner.image == Image())
    }
}

/// The steps of which every prefix is safe, in their order.
enum Step: Comparable { case backend, slot, head, headOut, slotOut, backendOut, other }

extension Plan.Operation {
    var isBackend: Bool { step == .backend }

    var step: Step {
        switch self {
        case .setBackend(_, _, .active): .backend
        case .setSlot: .slot
        case .setFrontend: .head
        case .removeFrontend: .headOut
        case .removeSlot: .slotOut
        case .removeBackend, .setBackend(_, _, .draining): .backendOut
        default: .other
        }
    }
}
