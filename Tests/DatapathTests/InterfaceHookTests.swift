// Programs on interfaces, both ways that kernels take them: the old way works on new kernels too,
// so it is tested everywhere. All hooks of a role or none, and nothing of ours stays behind.

import BPF
import Glibc
import Linux
import Model
import Netlink
import Plan
import Support
import Testing

@testable import Datapath

/// A namespace with a veth, and a datapath in it whose programs are loaded.
struct HookBed {
    let bpffs: PrivateBPFFS
    let namespace: NetworkNamespace
    let route: RouteSocket
    let veth: UInt32
    let datapath: Datapath
    let hooks: InterfaceHooks

    init(_ kind: InterfaceHookKind) throws {
        bpffs = try PrivateBPFFS()
        namespace = try NetworkNamespace.anonymous()
        route = try RouteSocket(in: namespace)
        try route.addVeth(NewLink("eniaaaa"), peer: NewLink("peer"))
        veth = try route.index(of: "eniaaaa")
        datapath = try bpffs.open(in: namespace)
        hooks = InterfaceHooks(kind: kind, pins: Pins(root: bpffs.root))
    }

    /// What this kernel takes.
    static let kinds: [InterfaceHookKind] =
        ((try? Feature.tcx.isSupported()) ?? false) ? [.tcx, .clsact] : [.clsact]

    func attach(_ role: AttachmentRole) throws {
        try namespace.run { try hooks.attach(datapath.programs, to: veth, as: role) }
    }

    func detach(_ role: AttachmentRole) throws {
        try namespace.run { try hooks.detach(from: veth, as: role) }
    }

    /// The hooks that carry a program, in the table's order.
    func attached() throws -> [InterfaceHook] {
        let found = try namespace.run { try hooks.found() }
        return InterfaceHook.allCases.filter { hook in
            found.contains { $0.hook == hook && $0.interface == veth && $0.isAttached }
        }
    }

    /// The id of the program that the kernel runs on a hook.
    func program(_ hook: InterfaceHook) throws -> UInt32? {
        try namespace.run {
            switch hooks.kind {
            case .tcx: try ProgramQuery.tcx(interface: veth, hook.direction).first
            case .clsact: try InterfaceHooks.filter(veth, hook.direction).programID()
            }
        }
    }

    func hasQdisc() throws -> Bool {
        try route.qdiscs().contains { $0.interface == veth && $0.isAtEdge }
    }
}

@Suite("interface hooks", .enabled(if: geteuid() == 0, "needs root"))
struct InterfaceHookTests {
    @Test("a role takes both sides of its interface and leaves both", arguments: HookBed.kinds)
    func bothSides(kind: InterfaceHookKind) throws {
        let bed = try HookBed(kind)
        for (role, hooks) in [
            (AttachmentRole.pod, [InterfaceHook.pod, .podOut]), (.eni, [.eni, .eniOut]),
        ] {
            // Twice: a retry puts the programs in their own place.
            for _ in 0..<2 { try bed.attach(role) }
            #expect(try bed.attached() == hooks)
            for hook in hooks {
                #expect(
                    try bed.program(hook) == bed.datapath.programs.program(of: hook).id)
            }
            for _ in 0..<2 { try bed.detach(role) }
            #expect(try bed.attached() == [])
        }
    }

    @Test("a restart puts new programs in the old ones' place", arguments: HookBed.kinds)
    func adopts(kind: InterfaceHookKind) throws {
        let bed = try HookBed(kind)
        try bed.attach(.eni)
        let old = try bed.program(.eniOut)
        let programs = try bed.bpffs.open(in: bed.namespace).programs
        let roles = try bed.namespace.run { try bed.hooks.adopt(programs) }
        #expect(roles == [bed.veth: .eni])
        #expect(try bed.program(.eniOut) != old)
        #expect(try bed.program(.eniOut) == programs.eniOut.id)
        #expect(try bed.program(.eni) == programs.eni.id)
    }

    @Test("half a set that an earlier agent left is made whole", arguments: HookBed.kinds)
    func completes(kind: InterfaceHookKind) throws {
        let bed = try HookBed(kind)
        try bed.attach(.pod)
        try bed.namespace.run {
            switch kind {
            case .tcx:
                let path = bed.hooks.pins.link(InterfaceHooks.pinName(bed.veth, .podOut))
                try BPFLink(pinned: path).detach()
            case .clsact:
                #expect(try InterfaceHooks.filter(bed.veth, .egress).detach())
            }
        }
        #expect(try bed.attached() == [.pod])
        let roles = try bed.namespace.run { try bed.hooks.adopt(bed.datapath.programs) }
        #expect(roles == [bed.veth: .pod])
        #expect(try bed.attached() == [.pod, .podOut])
    }

    @Test("of a set that can't be whole nothing stays", .needs(.tcx))
    func allOrNone() throws {
        let bed = try HookBed(.tcx)
        // Something else at the place of the ingress hook's pin.
        let path = bed.hooks.pins.link(InterfaceHooks.pinName(bed.veth, .pod))
        try bed.datapath.programs.pod.program.pin(at: path)
        #expect(throws: BPFError.self) { try bed.attach(.pod) }
        #expect(try bed.program(.podOut) == nil)
        _ = try Pin.remove(path)
        try bed.attach(.pod)
        #expect(try bed.attached() == [.pod, .podOut])
    }

    @Test("an interface that went took its hooks along", arguments: HookBed.kinds)
    func gone(kind: InterfaceHookKind) throws {
        let bed = try HookBed(kind)
        try bed.attach(.pod)
        try bed.route.deleteLink("eniaaaa")
        #expect(try bed.attached() == [])
        let roles = try bed.namespace.run { try bed.hooks.adopt(bed.datapath.programs) }
        #expect(roles.isEmpty)
        try bed.detach(.pod)
        #expect(bed.hooks.pins.linkNames() == [])
        #expect(bed.hooks.pins.markedQdiscs() == [])
    }

    @Test("the qdisc that we made goes with our filters")
    func ownQdisc() throws {
        let bed = try HookBed(.clsact)
        #expect(try !bed.hasQdisc())
        try bed.attach(.pod)
        #expect(try bed.hasQdisc())
        try bed.detach(.pod)
        #expect(try !bed.hasQdisc())
        #expect(bed.hooks.pins.markedQdiscs() == [])
    }

    @Test("a qdisc with somebody's filter stays until that has gone too")
    func sharedQdisc() throws {
        let bed = try HookBed(.clsact)
        try bed.attach(.pod)
        let filter = TrafficFilter(
            interface: bed.veth, direction: .egress, priority: 1, handle: 1, kind: "bpf")
        try bed.route.addFilter(filter)
        try bed.detach(.pod)
        #expect(try bed.hasQdisc())
        #expect(try bed.route.filters(on: bed.route.qdiscs()).map(\.priority) == [1])
        try bed.namespace.run { try bed.hooks.removeFilters() }
        #expect(try bed.hasQdisc())
        try bed.route.deleteFilter(filter)
        try bed.namespace.run { try bed.hooks.removeFilters() }
        #expect(try !bed.hasQdisc())
    }

    @Test("a qdisc that was there before us stays, empty or not")
    func foreignQdisc() throws {
        let bed = try HookBed(.clsact)
        try bed.route.addClsact(bed.veth)
        try bed.attach(.pod)
        try bed.detach(.pod)
        #expect(try bed.hasQdisc())
    }

    @Test("our own programs on both sides are nobody's watch, another's on either side is")
    func foreignPrograms() async throws {
        let bed = try HookBed(.clsact)
        let unit = UnitPlan(unit: .interface(bed.veth), operations: [.attach(bed.veth, .pod)])
        #expect(await bed.datapath.apply([unit]).map(\.failure) == [nil])
        #expect(try await bed.datapath.foreignPrograms(on: [bed.veth]) == [bed.veth: false])
        for filter in try bed.route.filters(on: bed.route.qdiscs()) {
            #expect(filter.name.hasPrefix(TrafficFilter.ownNamePrefix))
        }
        guard bed.datapath.interfaceHookKind == "tcx" else { return }
        let other = try PrivateBPFFS().open(in: bed.namespace).programs.podOut
        let path = bed.bpffs.path + "/somebody-elses"
        for direction in Direction.allCases {
            try bed.namespace.run {
                try BPFLink.tcx(other.program, interface: bed.veth, direction).pin(at: path)
            }
            #expect(try await bed.datapath.foreignPrograms(on: [bed.veth]) == [bed.veth: true])
            try BPFLink(pinned: path).detach()
            try Pin.remove(path)
        }
    }

    @Test("pins are named by hook and interface", arguments: InterfaceHook.allCases)
    func names(hook: InterfaceHook) throws {
        let name = InterfaceHooks.pinName(12, hook)
        let parsed = try #require(InterfaceHooks.hook(pinName: name))
        #expect(parsed == (12, hook))
        #expect(InterfaceHooks.hook(pinName: "socket_connect4") == nil)
        #expect(InterfaceHooks.hook(pinName: "pod_x") == nil)
    }
}
