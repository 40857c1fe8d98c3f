// Programs on real hooks with real traffic: a cgroup's dials, an interface's packets by tcx, clsact
// and XDP. Who ran is told by the programs' own counts (hooks.bpf.c). Both families dial and send.

import Glibc
import Linux
import Support
import Testing

@testable import BPF

/// hooks.bpf.c, loaded, and its counts.
struct Hooks: ~Copyable {
    let object: BPFObject
    let hits: BPFMap<UInt32, UInt64>

    init() throws {
        let object = try BPFObject(base64: HooksObject.base64, name: "hooks")
        try object.load()
        hits = try object.map("hits")
        self.object = object
    }

    /// How often each program ran so far, in the order of `enum place`.
    func counts() throws -> [UInt64] {
        try hits.lookup(keys: [0, 1, 2, 3, 4]).map { $0 ?? 0 }
    }

    /// What `body` added to the counts.
    func added(_ body: () throws -> Void) throws -> [UInt64] {
        let before = try counts()
        try body()
        return zip(try counts(), before).map { $0 - $1 }
    }
}

@Suite(.needsRoot) struct CgroupLinkTests {
    @Test("a cgroup's dials run the program, until the link is gone")
    func attach() throws {
        let cgroup = try PrivateCgroup()
        let hooks = try Hooks()
        func whileAttached() throws {
            let four = try BPFLink.cgroup(
                hooks.object.program("first_dial"), at: cgroup.group.path, .cgroupConnect4)
            let six = try BPFLink.cgroup(
                hooks.object.program("first_dial6"), at: cgroup.group.path, .cgroupConnect6)
            let added = try hooks.added { try cgroup.dialBothFamilies() }
            #expect(added == [0, 0, 2, 0, 0])
            let info = try four.info()
            #expect(try info.target == .cgroup(id: cgroup.group.id(), .cgroupConnect4))
            #expect(!info.isDefunct)
            #expect(try six.info().target == .cgroup(id: cgroup.group.id(), .cgroupConnect6))
        }
        try whileAttached()
        try waitUntil { try ProgramQuery.cgroup(cgroup.group.path, .cgroupConnect4).isEmpty }
        try waitUntil { try ProgramQuery.cgroup(cgroup.group.path, .cgroupConnect6).isEmpty }
        let added = try hooks.added { try cgroup.dialBothFamilies() }
        #expect(added == [0, 0, 0, 0, 0])
    }

    @Test("a pinned link survives its owner; another process replaces the program and takes it off")
    func pinnedAndReplaced() throws {
        let cgroup = try PrivateCgroup()
        let folder = try PrivateBPFFS()
        let path = "\(folder.path)/dial"
        let hooks = try Hooks()
        let first = try hooks.object.program("first_dial")
        let second = try hooks.object.program("second_dial")
        func firstProcess() throws {
            try BPFLink.cgroup(first, at: cgroup.group.path, .cgroupConnect4).pin(at: path)
        }
        try firstProcess()
        #expect(try hooks.added { try cgroup.dialBothFamilies() } == [0, 0, 1, 0, 0])

        let link = try BPFLink(pinned: path)
        #expect { try link.update(to: second, from: second) } throws: {
            ($0 as? BPFError)?.errno == EPERM
        }
        try link.update(to: second, from: first)
        #expect(try link.info().programID == second.info().id)
        #expect(try hooks.added { try cgroup.dialBothFamilies() } == [0, 0, 0, 1, 0])
        try link.update(to: first)
        #expect(try hooks.added { try cgroup.dialBothFamilies() } == [0, 0, 1, 0, 0])

        try link.detach()
        #expect(try link.info().isDefunct)
        #expect(try hooks.added { try cgroup.dialBothFamilies() } == [0, 0, 0, 0, 0])
    }

    @Test(
        "a query shows everybody's programs on a cgroup, parents' too if effective ones are meant")
    func query() throws {
        let cgroup = try PrivateCgroup()
        let hooks = try Hooks()
        let program = try hooks.object.program("first_dial")
        let id = try program.info().id
        let child = cgroup.group.child("child")
        try child.create()
        defer { rmdir(child.path) }
        #expect(try ProgramQuery.cgroup(cgroup.group.path, .cgroupConnect4) == [])
        // Somebody else: bpftool attaches without a link.
        let folder = try PrivateBPFFS()
        try program.pin(at: "\(folder.path)/foreign")
        let result = try Command([
            "bpftool", "cgroup", "attach", cgroup.group.path, "connect4", "pinned",
            "\(folder.path)/foreign", "multi",
        ]).run()
        #expect(result.succeeded, "\(result.errorOutput)")
        #expect(try ProgramQuery.cgroup(cgroup.group.path, .cgroupConnect4) == [id])
        #expect(try ProgramQuery.cgroup(cgroup.group.path, .cgroupConnect6) == [])
        #expect(try ProgramQuery.cgroup(child.path, .cgroupConnect4) == [])
        #expect(
            try ProgramQuery.cgroup(child.path, .cgroupConnect4, effective: true).contains(id))
    }

    @Test("a program for another hook, and a folder that is no cgroup, are refused")
    func refusals() throws {
        let cgroup = try PrivateCgroup()
        let hooks = try Hooks()
        let program = try hooks.object.program("first_dial")
        #expect {
            _ = try BPFLink.cgroup(program, at: cgroup.group.path, .cgroupConnect6)
        } throws: {
            ($0 as? BPFError)?.errno == EINVAL
        }
        #expect(throws: BPFError.self) {
            _ = try BPFLink.cgroup(program, at: "/tmp", .cgroupConnect4)
        }
        #expect { _ = try BPFLink.cgroup(program, at: "/absent", .cgroupConnect4) } throws: {
            ($0 as? BPFError)?.errno == ENOENT
        }
    }
}

@Suite(.needsRoot, .needs(.tcx)) struct TCXLinkTests {
    @Test("packets of an interface run the program; it is replaced under the traffic")
    func attachAndReplace() throws {
        let namespace = try namespaceWithLoopback()
        let hooks = try Hooks()
        let first = try hooks.object.program("first_packet")
        let second = try hooks.object.program("second_packet")
        try namespace.run {
            let link = try BPFLink.tcx(first, interface: loopback, .ingress)
            let before = try hooks.added { try sendBothFamilies() }
            // A datagram and the ICMP error that answers it, in each family.
            #expect(before[0] >= 2 && before[1] == 0)
            try link.update(to: second)
            let after = try hooks.added { try sendBothFamilies() }
            #expect(after[0] == 0 && after[1] >= 2)
            #expect(try link.info().target == .tcx(interface: loopback, .tcxIngress))
        }
        try namespace.run {
            try waitUntil { try ProgramQuery.tcx(interface: loopback, .ingress).isEmpty }
            #expect(try hooks.added { try sendBothFamilies() } == [0, 0, 0, 0, 0])
        }
    }

    @Test("programs run in the order of their positions, and a query lists them so")
    func positions() throws {
        let namespace = try namespaceWithLoopback()
        let hooks = try Hooks()
        let first = try hooks.object.program("first_packet")
        let second = try hooks.object.program("second_packet")
        let ids = (try first.info().id, try second.info().id)
        try namespace.run {
            for direction in Direction.allCases {
                #expect(try ProgramQuery.tcx(interface: loopback, direction) == [])
                let one = try BPFLink.tcx(first, interface: loopback, direction)
                let two = try BPFLink.tcx(second, interface: loopback, direction)
                #expect(
                    try ProgramQuery.tcx(interface: loopback, direction) == [ids.0, ids.1])
                try one.detach()
                let front = try BPFLink.tcx(
                    first, interface: loopback, direction, position: .first)
                #expect(
                    try ProgramQuery.tcx(interface: loopback, direction) == [ids.0, ids.1])
                try two.detach()
                try front.detach()
            }
        }
    }

    @Test("a link is defunct once its interface is gone")
    func defunct() throws {
        let namespace = try NetworkNamespace.anonymous()
        let hooks = try Hooks()
        let program = try hooks.object.program("first_packet")
        try namespace.run {
            try ip(namespace, "link add name one type veth peer name two")
            let interface = if_nametoindex("one")
            let link = try BPFLink.tcx(program, interface: interface, .egress)
            #expect(try !link.info().isDefunct)
            try ip(namespace, "link delete one")
            #expect(try link.info().isDefunct)
            #expect { try link.update(to: program) } throws: {
                ($0 as? BPFError)?.errno == ENOLINK
            }
        }
    }

    @Test("an interface that is not there is ENODEV")
    func absent() throws {
        let hooks = try Hooks()
        let program = try hooks.object.program("first_packet")
        try NetworkNamespace.anonymous().run { () -> Void in
            #expect {
                _ = try BPFLink.tcx(program, interface: 4000, .ingress)
            } throws: {
                ($0 as? BPFError)?.errno == ENODEV
            }
        }
    }
}

@Suite(.needsRoot) struct XDPLinkTests {
    @Test("a generic XDP program sees received packets, and the hook holds one only")
    func generic() throws {
        let namespace = try namespaceWithLoopback()
        let hooks = try Hooks()
        let program = try hooks.object.program("packet_xdp")
        try namespace.run {
            let link = try BPFLink.xdp(program, interface: loopback, .generic)
            let added = try hooks.added { try sendBothFamilies() }
            #expect(added[4] >= 2)
            #expect(try link.info().target == .xdp(interface: loopback))
            #expect { _ = try BPFLink.xdp(program, interface: loopback, .generic) } throws: {
                ($0 as? BPFError)?.errno == EBUSY
            }
        }
    }

    @Test("a veth runs XDP natively")
    func native() throws {
        let namespace = try NetworkNamespace.anonymous()
        let hooks = try Hooks()
        let program = try hooks.object.program("packet_xdp")
        try namespace.run {
            try ip(namespace, "link add name one type veth peer name two")
            let link = try BPFLink.xdp(program, interface: if_nametoindex("one"), .native)
            #expect(try link.info().programID == program.info().id)
        }
    }
}

@Suite(.needsRoot) struct TrafficControlTests {
    @Test("a filter sees packets both ways, is replaced in place and taken off")
    func filters() throws {
        let namespace = try namespaceWithLoopback()
        let hooks = try Hooks()
        let first = try hooks.object.program("first_packet")
        let second = try hooks.object.program("second_packet")
        try namespace.run {
            #expect(try TrafficControlFilter.createQdisc(interface: loopback))
            #expect(try !TrafficControlFilter.createQdisc(interface: loopback))
            for direction in Direction.allCases {
                let filter = TrafficControlFilter(
                    interface: loopback, direction, preference: 49_000, handle: 1)
                #expect(try filter.programID() == nil)
                try filter.attach(first)
                #expect(try filter.programID() == first.info().id)
                let before = try hooks.added { try sendBothFamilies() }
                #expect(before[0] >= 2 && before[1] == 0)
                try filter.attach(second)
                #expect(try filter.programID() == second.info().id)
                let after = try hooks.added { try sendBothFamilies() }
                #expect(after[0] == 0 && after[1] >= 2)
                #expect(try filter.detach())
                #expect(try !filter.detach())
                #expect(try hooks.added { try sendBothFamilies() } == [0, 0, 0, 0, 0])
            }
            #expect(try TrafficControlFilter.removeQdisc(interface: loopback))
            #expect(try !TrafficControlFilter.removeQdisc(interface: loopback))
        }
    }

    @Test("filters of one interface are told apart by preference and handle")
    func apart() throws {
        let hooks = try Hooks()
        let program = try hooks.object.program("first_packet")
        try namespaceWithLoopback().run {
            try TrafficControlFilter.createQdisc(interface: loopback)
            let ours = TrafficControlFilter(
                interface: loopback, .ingress, preference: 2, handle: 7)
            let theirs = TrafficControlFilter(
                interface: loopback, .ingress, preference: 1, handle: 7)
            try ours.attach(program)
            try theirs.attach(program)
            #expect(try ours.detach())
            #expect(try theirs.programID() == program.info().id)
        }
    }

    @Test("attaching without a qdisc, or to no interface, is an error with libbpf's words")
    func withoutQdisc() throws {
        let hooks = try Hooks()
        let program = try hooks.object.program("first_packet")
        try NetworkNamespace.anonymous().run {
            for interface in [loopback, 4000] {
                let filter = TrafficControlFilter(
                    interface: interface, .ingress, preference: 1, handle: 1)
                #expect(throws: BPFError.self) { try filter.attach(program) }
            }
            #expect(throws: BPFError.self) {
                try TrafficControlFilter.createQdisc(interface: 4000)
            }
        }
    }
}

/// Runs ip(8) in a namespace.
private func ip(_ namespace: NetworkNamespace, _ arguments: String) throws {
    let words = ["ip"] + arguments.split(separator: " ").map(String.init)
    let result = try Command(words, namespace: namespace).run()
    try #require(result.succeeded, "\(result.errorOutput)")
}
