// XDP on a veth, whose driver has the native hook: attached, taken over, refused and removed.

import BPF
import Glibc
import Linux
import Logging
import Model
import Netlink
import Plan
import Testing

@testable import Datapath

/// A veth with jumbo frames in a namespace of its own, and agents one after the other.
private struct XDPBed {
    let bpffs: PrivateBPFFS
    let namespace: NetworkNamespace
    let route: RouteSocket
    let interface: UInt32

    init(mtu: UInt32 = 9001) throws {
        bpffs = try PrivateBPFFS()
        namespace = try NetworkNamespace.anonymous()
        route = try RouteSocket(in: namespace)
        try route.addVeth(NewLink("eth0", mtu: mtu), peer: NewLink("router", mtu: mtu))
        interface = try route.index(of: "eth0")
    }

    func open(_ choice: XDPChoice) throws -> Datapath {
        let configuration = DatapathConfiguration(bpffs: bpffs.root, cgroup: nil, xdp: choice)
        return try namespace.run {
            try Datapath(configuration, logger: Logger(label: "test"))
        }
    }

    /// Why the operation failed, nil if it took effect.
    func apply(_ operation: Plan.Operation, by datapath: Datapath) async -> String? {
        await datapath.apply([UnitPlan(unit: .node, operations: [operation])])[0].failure
    }

    /// Whose programs the kernel runs, by mode.
    func programs() throws -> [BPFLink.XDPMode: UInt32] {
        try namespace.run { try ProgramQuery.xdp(interface: interface) }
    }

    /// Somebody else's program on the hook, until the returned pin is removed.
    func occupy(_ mode: BPFLink.XDPMode) throws -> String {
        let path = bpffs.path + "/somebody-elses"
        let program = try PrivateBPFFS().open(in: namespace).programs.xdp
        try namespace.run {
            try BPFLink.xdp(program.program, interface: interface, mode).pin(at: path)
        }
        return path
    }
}

@Suite("XDP", .enabled(if: geteuid() == 0, "needs root"))
struct XDPTests {
    @Test(
        "auto and native use the driver's hook, with jumbo frames too; generic the kernel's",
        arguments: [(XDPChoice.auto, "native"), (.native, "native"), (.generic, "generic")])
    func attaches(choice: XDPChoice, mode: String) async throws {
        let bed = try XDPBed()
        let datapath = try bed.open(choice)
        // Twice: a retry puts the program in its own place.
        for _ in 0..<2 {
            #expect(await bed.apply(.attachXDP(bed.interface), by: datapath) == nil)
        }
        let expected: BPFLink.XDPMode = mode == "native" ? .native : .generic
        #expect(try bed.programs() == [expected: datapath.programs.xdp.id])
        let state = await datapath.xdpState()
        #expect(state == XDPState(choice: choice, interface: bed.interface, mode: mode))
        #expect(try await datapath.restore().xdpInterface == bed.interface)
        #expect(await datapath.attachments().map(\.program) == ["needletail_xdp"])
        #expect(try bed.route.link("eth0").mtu == 9001)

        #expect(await bed.apply(.detachXDP(bed.interface), by: datapath) == nil)
        #expect(try bed.programs() == [:])
        #expect(try await datapath.restore().xdpInterface == nil)
    }

    @Test("where somebody else's program sits, auto does without and tells all it knows")
    func autoRefused() async throws {
        let bed = try XDPBed()
        let datapath = try bed.open(.auto)
        let theirs = try bed.occupy(.native)
        let before = try bed.programs()
        #expect(await bed.apply(.attachXDP(bed.interface), by: datapath) == nil)
        #expect(try bed.programs() == before)
        let state = try #require(await datapath.xdpState())
        #expect(state.mode == nil)
        let refusal = try #require(state.refusal)
        for fact in [
            "Device or resource busy", "Kernel error message", "native program needletail_xdp",
            "driver veth", "MTU 9001", "1 receive and 1 transmit queues",
        ] {
            #expect(refusal.contains(fact), "\(refusal)")
        }
        // It is gone: asked again, ours takes the place.
        try BPFLink(pinned: theirs).detach()
        #expect(await bed.apply(.attachXDP(bed.interface), by: datapath) == nil)
        #expect(await datapath.xdpState()?.mode == "native")
        #expect(await datapath.xdpState()?.refusal == nil)
    }

    @Test(
        "native and generic fail where they can't be had, and leave what is there",
        arguments: [XDPChoice.native, .generic], [BPFLink.XDPMode.native, .generic])
    func refused(choice: XDPChoice, theirs: BPFLink.XDPMode) async throws {
        let bed = try XDPBed()
        let datapath = try bed.open(choice)
        _ = try bed.occupy(theirs)
        let before = try bed.programs()
        let failure = await bed.apply(.attachXDP(bed.interface), by: datapath)
        #expect(failure?.contains("XDP program to interface \(bed.interface)") == true)
        #expect(failure?.contains("driver veth") == true)
        #expect(await datapath.xdpState()?.mode == nil)
        #expect(try bed.programs() == before)
    }

    @Test("a driver without the hook is named by auto, and its own words are told")
    func noDriver() async throws {
        let bed = try XDPBed()
        let datapath = try bed.open(.auto)
        // Loopback has no native XDP.
        #expect(await bed.apply(.attachXDP(1), by: datapath) == nil)
        let refusal = await datapath.xdpState()?.refusal
        #expect(refusal?.contains("Operation not supported") == true)
        #expect(refusal?.contains("MTU 65536") == true)
        #expect(try bed.namespace.run { try ProgramQuery.xdp(interface: 1) } == [:])
    }

    @Test("a restart puts the new program in the old one's place, in another mode if asked")
    func restarts() async throws {
        let bed = try XDPBed()
        let first = try bed.open(.native)
        #expect(await bed.apply(.attachXDP(bed.interface), by: first) == nil)

        let second = try bed.open(.auto)
        #expect(try bed.programs() == [.native: second.programs.xdp.id])
        #expect(await second.xdpState()?.mode == "native")
        #expect(try await second.restore().xdpInterface == bed.interface)

        let third = try bed.open(.generic)
        #expect(await bed.apply(.attachXDP(bed.interface), by: third) == nil)
        #expect(try bed.programs() == [.generic: third.programs.xdp.id])

        // Off: the plan takes it away.
        let fourth = try bed.open(.off)
        #expect(try await fourth.restore().xdpInterface == bed.interface)
        #expect(await bed.apply(.detachXDP(bed.interface), by: fourth) == nil)
        #expect(try bed.programs() == [:])
        #expect(await fourth.xdpState() == nil)
    }

    @Test("cleaning up takes the program off; an interface that went took it along")
    func cleansUp() async throws {
        let bed = try XDPBed()
        let datapath = try bed.open(.native)
        #expect(await bed.apply(.attachXDP(bed.interface), by: datapath) == nil)
        let pinned = PinnedDatapath(bpffs: bed.bpffs.root)
        #expect(try bed.namespace.run { try pinned.image().xdpInterface } == bed.interface)
        try bed.namespace.run { try pinned.cleanUp() }
        #expect(try bed.programs() == [:])

        let next = try bed.open(.native)
        #expect(await bed.apply(.attachXDP(bed.interface), by: next) == nil)
        try bed.route.deleteLink("eth0")
        #expect(try await next.restore().xdpInterface == nil)
        #expect(await bed.apply(.detachXDP(bed.interface), by: next) == nil)
        #expect(Pins(root: bed.bpffs.root).linkNames() == [])
    }
}
