// The flow tables on the kernel's own maps: entries crafted with stamps of long ago go or stay as
// the rules say, and a table of another size takes over what is in the old one.

import BPF
import CDatapath
import Glibc
import Linux
import Logging
import Model
import Testing

@testable import Datapath

extension PrivateBPFFS {
    func open(flowMemoryMiB: Int?) throws -> Datapath {
        let configuration = DatapathConfiguration(
            bpffs: root, cgroup: nil, flowMemoryMiB: flowMemoryMiB)
        return try NetworkNamespace.anonymous().run {
            try Datapath(configuration, logger: Logger(label: "test"))
        }
    }
}

extension Datapath {
    fileprivate nonisolated func collector() -> FlowCollector {
        flowCollector(FlowTimeouts(), clock: { FlowSamples.now })
    }

    fileprivate nonisolated func entries() throws -> Set<FlowEntry> { Set(try flows().entries) }
}

@Suite("flow tables", .enabled(if: geteuid() == 0, "needs root"))
struct FlowTableTests {
    typealias Samples = FlowSamples

    @Test("what is over is removed with both halves, what lives stays, in both families")
    func collects() async throws {
        let bpffs = try PrivateBPFFS()
        let datapath = try bpffs.open(flowMemoryMiB: 1)
        var living: [FlowEntry] = []
        for family in IPFamily.allCases {
            living += Samples.flow(family, 1)
            living += Samples.flow(family, 2, .udp, silent: 5000, replySilent: 1)
            living += Samples.flow(family, 3, .udp, silent: 1, replySilent: 5000)
            living += Samples.flow(family, 4, silent: 80_000)
            try await datapath.maps.write(Samples.flow(family, 5, .tcp, .closed, silent: 11))
            try await datapath.maps.write(Samples.flow(family, 6, .udp, .new, silent: 31))
            try await datapath.maps.write(Samples.flow(family, 7, silent: 86_401))
        }
        try await datapath.maps.write(living)
        let collector = datapath.collector()
        #expect(try await collector.pass() == [])
        #expect(try datapath.entries() == Set(living))
        let report = await collector.report()
        #expect(report.removed.expired == 12)
        #expect(report.removed.orphans == 0)
        #expect(report.use.mapValues(\.entries) == [.v4: 8, .v6: 8])
    }

    @Test("an entry without its other half goes once it is 10 s old; one just being made stays")
    func orphans() async throws {
        let bpffs = try PrivateBPFFS()
        let datapath = try bpffs.open(flowMemoryMiB: 1)
        let young = Samples.flow(.v4, 1, age: 5)[0]
        let whole = Samples.flow(.v6, 2)
        // Its partner's place is taken by another flow's entry, which does not point back.
        var stray = Samples.flow(.v6, 2)[0]
        stray.seen.source = Samples.address(.v6, 9, 9)
        try await datapath.maps.write([young] + whole + [stray])
        try await datapath.maps.write([Samples.flow(.v4, 3)[0], Samples.flow(.v6, 4)[1]])
        let collector = datapath.collector()
        _ = try await collector.pass(times: Int(FlowSweep<flow4>.auditPasses))
        #expect(try datapath.entries() == Set([young] + whole))
        #expect(await collector.report().removed.orphans == 3)
    }

    @Test(
        "a flow that a packet refreshes at the last moment stays whole", arguments: [0, 1])
    func refreshed(direction: Int) async throws {
        let bpffs = try PrivateBPFFS()
        let datapath = try bpffs.open(flowMemoryMiB: 1)
        let maps = await datapath.maps
        let read = Samples.flow(.v6, 1, .udp, silent: 1000)
        var now = read
        now[direction].lastSeen = Samples.now
        try maps.write(now)
        let keyed = read.map { KeyedFlow(flow6.key($0.seen), flow6($0)) }
        #expect(try maps.flows6.removeIfUnchanged(keyed[0], keyed[1]) == 0)
        #expect(try datapath.entries() == Set(now))
        #expect(try maps.flows6.removeIfUnchanged(keyed[direction]) == 0)
        #expect(try datapath.entries() == Set(now))
    }

    @Test("a table that is nearly full loses what nobody answered, and nothing else")
    func pressed() async throws {
        let bpffs = try PrivateBPFFS()
        let datapath = try bpffs.open(flowMemoryMiB: 1)
        let maps = await datapath.maps
        let size = Int(maps.flows4.info.maxEntries)
        let established = size * 83 / 200
        for number in 0..<established { try maps.write(Samples.flow(.v4, number, silent: 6)) }
        for number in established..<size * 94 / 200 {
            try maps.write(Samples.flow(.v4, number, .tcp, .new, silent: 6))
        }
        let collector = datapath.collector()
        // The first pass finds out that the table is nearly full.
        let pressure = try await collector.pass(times: 2)
        #expect(pressure.map(\.change) == [.began])
        #expect(pressure.map(\.family) == [.v4])
        let report = await collector.report()
        #expect(report.use[.v4]?.entries == 2 * established)
        #expect(report.removed.pressed == report.removed.expired)
        #expect(report.removed.pressed == UInt64(2 * (size * 94 / 200 - established)))
        #expect(try datapath.entries().allSatisfy { $0.state == .established })
    }

    @Test("a step looks at no more than 4,096 entries")
    func steps() async throws {
        let bpffs = try PrivateBPFFS()
        let datapath = try bpffs.open(flowMemoryMiB: 4)
        let maps = await datapath.maps
        for number in 0..<2500 {
            try maps.write(Samples.flow(.v4, number, .udp, .new, silent: 31))
        }
        let collector = datapath.collector()
        _ = try await collector.step()
        let left = try datapath.entries().count
        #expect(left > 0 && left < 5000, "one step is less than the whole table")
        _ = try await collector.pass()
        #expect(try datapath.entries().count == 0)
    }

    @Test("a pod's flows go, whichever side it was on; UDP flows to a backend go and TCP stays")
    func purges() async throws {
        let bpffs = try PrivateBPFFS()
        let datapath = try bpffs.open(flowMemoryMiB: 1)
        for family in IPFamily.allCases {
            let flows = (0..<8).map { Samples.flow(family, $0, $0 < 4 ? .udp : .tcp) }
            try await datapath.maps.write(flows.flatMap { $0 })
            let collector = datapath.collector()
            let client = Samples.address(family, Samples.client, 7)
            #expect(try await collector.purge(pod: client) == 2)
            // Backend 3 had flows 3 and 7, of which 7 is gone.
            let backend = Samples.address(family, Samples.backend, 3)
            #expect(try await collector.purgeUDP(to: backend, port: 9) == 0)
            #expect(try await collector.purgeUDP(to: backend, port: 8080) == 2)
            // Backend 2 has flows 2 (UDP) and 6 (TCP).
            let other = Samples.address(family, Samples.backend, 2)
            #expect(try await collector.purgeUDP(to: other, port: 8080) == 2)
            #expect(try await collector.purge(pod: other) == 2)
            let rest = try datapath.entries().filter { $0.seen.source.family == family }
            #expect(rest == Set([0, 1, 4, 5].flatMap { flows[$0] }))
        }
    }

    private func sizes(_ bpffs: PrivateBPFFS) throws -> [UInt32] {
        let pins = Pins(root: bpffs.root)
        let v4 = try BPFMap<flow_key4, flow4>(pinned: pins.map("flows4"))
        let v6 = try BPFMap<flow_key6, flow6>(pinned: pins.map("flows6"))
        return [v4.info.maxEntries, v6.info.maxEntries]
    }

    private func flowPins(_ bpffs: PrivateBPFFS) -> [String] {
        Pins(root: bpffs.root).mapNames().filter { $0.hasPrefix("flows") }
    }

    private func size(_ mebibytes: Int) throws -> UInt32 {
        FlowTableSize.entries(mebibytes: mebibytes, cpus: try possibleCPUCount())
    }

    @Test("a restart with another size keeps every flow, also those made meanwhile")
    func resizes() async throws {
        let bpffs = try PrivateBPFFS()
        var expected = Set<FlowEntry>()
        do {
            let first = try bpffs.open(flowMemoryMiB: 1)
            try await first.activate()
            for family in IPFamily.allCases {
                for number in 0..<600 { expected.formUnion(Samples.flow(family, number)) }
            }
            try await first.maps.write(Array(expected))
        }
        #expect(try sizes(bpffs) == [size(1), size(1)])

        let second = try bpffs.open(flowMemoryMiB: 3)
        #expect(second.remarks == [])
        #expect(try second.entries() == expected)
        #expect(flowPins(bpffs).count == 4)
        // A hook that still has its old program makes a flow, and takes another one further.
        let old = try BPFMap<flow_key4, flow4>(pinned: Pins(root: bpffs.root).map("flows4"))
        for entry in Samples.flow(.v4, 900) {
            try old.update(flow4.key(entry.seen), flow4(entry))
            expected.insert(entry)
        }
        for entry in Samples.flow(.v4, 1) {
            expected.remove(entry)
            var later = entry
            later.state = .closed
            later.lastSeen += Samples.second
            try old.update(flow4.key(entry.seen), flow4(later))
            expected.insert(later)
        }
        try await second.activate()
        #expect(try second.entries() == expected)
        #expect(flowPins(bpffs) == ["flows4", "flows6"])
        #expect(try sizes(bpffs) == [size(3), size(3)])
        #expect(try Set(PinnedDatapath(bpffs: bpffs.root).flows().entries) == expected)
    }

    @Test("an agent that dies in the middle of a change of size leaves nothing behind")
    func interrupted() async throws {
        let bpffs = try PrivateBPFFS()
        var expected = Set(Samples.flow(.v4, 1) + Samples.flow(.v6, 1))
        do {
            let first = try bpffs.open(flowMemoryMiB: 1)
            try await first.activate()
            try await first.maps.write(Array(expected))
        }
        do {
            let second = try bpffs.open(flowMemoryMiB: 2)
            // Its programs make this one in the new table; then it dies.
            let flow = Samples.flow(.v6, 2)
            try await second.maps.write(flow)
            expected.formUnion(flow)
        }
        #expect(try Set(PinnedDatapath(bpffs: bpffs.root).flows().entries) == expected)
        for mebibytes in [4, 1] {
            let next = try bpffs.open(flowMemoryMiB: mebibytes)
            try await next.activate()
            #expect(try next.entries() == expected)
            #expect(flowPins(bpffs) == ["flows4", "flows6"])
            #expect(try sizes(bpffs) == [size(mebibytes), size(mebibytes)])
        }
    }

    @Test("a table that no program came to use is taken back")
    func unused() throws {
        let bpffs = try PrivateBPFFS()
        _ = try bpffs.open(flowMemoryMiB: 1)
        let pins = Pins(root: bpffs.root)
        let next = try FlowTablePins(adopting: pins, wanted: 5000)
        let map = try BPFMap<flow_key4, flow4>(creating: .hash, name: "flows4", maxEntries: 5000)
        try map.pin(at: pins.map(next.live(.v4)))
        next.removeUnused(pins)
        #expect(flowPins(bpffs) == ["flows4", "flows6"])
        try FlowTablePins(adopting: pins, wanted: size(1)).removeUnused(pins)
        #expect(flowPins(bpffs) == ["flows4", "flows6"])
    }

    @Test("a table is not made so small that its flows would fill it: it stays, and status says so")
    func staysLarge() async throws {
        let bpffs = try PrivateBPFFS()
        let count = Int(try size(1)) / 2
        do {
            let first = try bpffs.open(flowMemoryMiB: 2)
            try await first.activate()
            for number in 0..<count { try await first.maps.write(Samples.flow(.v4, number)) }
        }
        let second = try bpffs.open(flowMemoryMiB: 1)
        #expect(second.remarks.count == 1)
        #expect(second.remarks.first?.hasPrefix("flows4 keeps its") == true)
        try await second.activate()
        #expect(try sizes(bpffs) == [size(2), size(1)])
        #expect(try second.entries().count == 2 * count)
    }
}
