// What a budget of memory buys, against the arithmetic and against the kernel; and which of the
// tables that are pinned goes on.

import BPF
import CDatapath
import Glibc
import Model
import Testing

@testable import Datapath

@Suite("flow table size") struct FlowTableSizeTests {
    @Test("64 MiB on 8 CPUs are 203,881 entries a family; a MiB of memory is never overdrawn")
    func budget() {
        #expect(FlowTableSize.elementBytes(.v4) == 120)
        #expect(FlowTableSize.elementBytes(.v6) == 168)
        #expect(FlowTableSize.entries(mebibytes: 64, cpus: 8) == 203_881)
        for mebibytes in [1, 2, 3, 7, 64, 100, 1000, 65536] {
            for cpus in [1, 8, 192] {
                let entries = Int(FlowTableSize.entries(mebibytes: mebibytes, cpus: cpus))
                #expect(FlowTableSize.bytes(entries: entries, cpus: cpus) <= mebibytes << 20)
                #expect(FlowTableSize.bytes(entries: entries + 1, cpus: cpus) > mebibytes << 20)
            }
        }
    }

    @Test("the kernel takes what the arithmetic says", .enabled(if: geteuid() == 0, "needs root"))
    func kernel() throws {
        let entries: UInt32 = 10_000
        let map4 = try BPFMap<flow_key4, flow4>(creating: .hash, name: "t4", maxEntries: entries)
        let map6 = try BPFMap<flow_key6, flow6>(creating: .hash, name: "t6", maxEntries: entries)
        let taken = try map4.memoryBytes() + map6.memoryBytes()
        let said = UInt64(
            FlowTableSize.bytes(entries: Int(entries), cpus: try possibleCPUCount()))
        // Linux 6.4 began to tell what it allocated; before it told keys and values alone.
        if taken < said { return }
        #expect(taken - said < 4096, "beside the map's own struct")
    }

    private typealias Found = (name: String, use: FlowTableUse)

    private func found(_ name: String, _ entries: Int, of capacity: Int) -> Found {
        (name, FlowTableUse(entries: entries, capacity: capacity))
    }

    @Test("nothing pinned: a table of the size that is wanted")
    func fresh() {
        let (table, remark) = FlowTablePins.choose(.v4, [], 5000)
        #expect(table == FlowTablePins.Table(live: "flows4", entries: 5000))
        #expect(remark == nil)
    }

    @Test("a table of the right size goes on, one of another is replaced")
    func otherSize() {
        let pinned = found("flows6", 10, of: 5000)
        #expect(
            FlowTablePins.choose(.v6, [pinned], 5000).table
                == FlowTablePins.Table(live: "flows6", entries: 5000))
        #expect(
            FlowTablePins.choose(.v6, [pinned], nil).table
                == FlowTablePins.Table(live: "flows6", entries: 5000))
        #expect(
            FlowTablePins.choose(.v6, [pinned], 6000).table
                == FlowTablePins.Table(
                    live: "flows6_6000", entries: 6000, replaced: ["flows6"], isNew: true))
    }

    @Test("a table whose flows would fill the smaller one stays, and it is said")
    func tooFull() {
        let pinned = found("flows4", 901, of: 5000)
        let (table, remark) = FlowTablePins.choose(.v4, [pinned], 1000)
        #expect(table == FlowTablePins.Table(live: "flows4", entries: 5000))
        #expect(remark?.contains("901") == true)
        #expect(
            FlowTablePins.choose(.v4, [found("flows4", 900, of: 5000)], 1000).table.live
                == "flows4_1000")
    }

    @Test("an agent that died in between left two tables: both give their flows")
    func leftOver() {
        let both = [found("flows4", 7, of: 1000), found("flows4_2000", 5, of: 2000)]
        #expect(
            FlowTablePins.choose(.v4, both, 2000).table
                == FlowTablePins.Table(live: "flows4_2000", entries: 2000, replaced: ["flows4"]))
        #expect(
            FlowTablePins.choose(.v4, both, 1000).table
                == FlowTablePins.Table(live: "flows4", entries: 1000, replaced: ["flows4_2000"]))
        #expect(
            FlowTablePins.choose(.v4, both, 3000).table
                == FlowTablePins.Table(
                    live: "flows4_3000", entries: 3000, replaced: ["flows4", "flows4_2000"],
                    isNew: true))
    }
}
