// `needletail flows`: one line a flow, put together from its halves, with names, and filtered.

import FoundationEssentials
import Inspect
import Model
import Plan
import Testing

@testable import Datapath

@Suite("flow documents") struct FlowDocumentTests {
    private static let second: UInt64 = 1_000_000_000

    private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    private func view() throws -> NodeView {
        var view = NodeView()
        let frontend = Frontend(address: try address("10.100.0.10"), port: 80, protocol: .tcp)
        view.serviceNames[frontend] = ServicePortName(
            service: ObjectName(namespace: "default", name: "web"), port: "http", protocol: .tcp,
            family: .v4)
        view.image.apply(
            .setFrontend(
                frontend,
                ServiceHead(
                    id: ServiceID(rawValue: 7), kind: .clusterIP, clusterCount: 1, localCount: 0,
                    internalPolicy: .cluster, externalPolicy: .cluster, affinityTimeoutSeconds: 0,
                    isUsableAnywhere: true)))
        view.podNames[try address("10.0.1.5")] = ObjectName(namespace: "default", name: "web-0")
        view.network.links[2] = Link(
            index: 2, name: "eth0", kind: "", mac: MACAddress("02:00:00:00:00:01"), mtu: 9001,
            isUp: true)
        return view
    }

    /// A masqueraded flow to a known service, and one of IPv6 whose reply entry is missing.
    private func dump() throws -> FlowDump {
        let seen = FlowTuple(
            .tcp, try address("192.0.2.9"), 4000, to: try address("10.100.0.10"), 80)
        let sent = FlowTuple(
            .tcp, try address("10.0.0.5"), 50_000, to: try address("10.0.1.5"), 8080)
        let alone = FlowTuple(
            .udp, try address("fd00::9"), 4001, to: try address("fd00:100::a"), 53)
        let away = FlowTuple(.udp, try address("fd00::9"), 4001, to: try address("fd00::5"), 5353)
        let now = 1000 * Self.second
        return FlowDump(
            entries: [
                FlowEntry(
                    seen: sent.reversed, translated: seen.reversed, isReply: true,
                    state: .established, road: .eni, interface: 2, service: 7, isMasqueraded: true,
                    created: now - 60 * Self.second, lastSeen: now - 3 * Self.second),
                FlowEntry(
                    seen: alone, translated: away, isReply: false, state: .new, road: .pod,
                    service: 8, created: now, lastSeen: now - 31 * Self.second),
                FlowEntry(
                    seen: seen, translated: sent, isReply: false, state: .established,
                    road: .podFiltered, service: 7, isMasqueraded: true,
                    created: now - 60 * Self.second, lastSeen: now - 9 * Self.second),
                FlowEntry(
                    seen: seen.reversed, translated: sent, isReply: true, state: .closed,
                    created: now, lastSeen: now),
            ], now: now)
    }

    @Test("a flow is one line: its ends, where it goes, who it belongs to, how long it is silent")
    func table() throws {
        let list = DocumentList<FlowItem>(try dump(), try view())
        #expect(
            list.table == """
                PROTOCOL  STATE        SOURCE          DESTINATION       BACKEND         \
                SOURCE-SEEN     SERVICE           ROADS            IDLE
                TCP       established  192.0.2.9:4000  10.100.0.10:80    10.0.1.5:8080   \
                10.0.0.5:50000  default/web:http  podFiltered/eni  3s
                UDP       new          [fd00::9]:4001  [fd00:100::a]:53  [fd00::5]:5353  \
                -               id 8              pod/none         31s

                """)
        let item = try #require(list.items.first)
        #expect(item.ageSeconds == 60)
        #expect(item.replyInterface == "eth0")
        #expect(item.interface == nil)
        #expect(item.backendPod == "default/web-0")
        #expect(item.sourcePod == nil)
    }

    @Test("the list survives JSON, with kind and version")
    func json() throws {
        let list = DocumentList<FlowItem>(try dump(), try view())
        #expect(list.kind == "FlowList")
        #expect(try DocumentList<FlowItem>(json: list.json) == list)
    }

    @Test("a flow is shown if it meets every condition")
    func filters() throws {
        let list = DocumentList<FlowItem>(try dump(), try view())
        func shown(_ change: (inout FlowFilter) -> Void) -> [String] {
            var filter = FlowFilter()
            change(&filter)
            return list.filtered(filter).items.map(\.protocol)
        }
        #expect(shown { _ in } == ["TCP", "UDP"])
        #expect(shown { $0.service = ObjectName(namespace: "default", name: "web") } == ["TCP"])
        #expect(shown { $0.service = ObjectName(namespace: "other", name: "web") } == [])
        #expect(shown { $0.pod = ObjectName(namespace: "default", name: "web-0") } == ["TCP"])
        #expect(shown { $0.pod = ObjectName(namespace: "default", name: "web-1") } == [])
        #expect(shown { $0.source = CIDR("fd00::/16") } == ["UDP"])
        #expect(shown { $0.source = CIDR("192.0.2.9") } == ["TCP"])
        #expect(shown { $0.destination = CIDR("10.100.0.10") } == ["TCP"])
        #expect(shown { $0.destination = CIDR("10.0.1.5") } == ["TCP"], "the backend counts too")
        #expect(
            shown {
                $0.destination = CIDR("10.100.0.10")
                $0.source = CIDR("fd00::/16")
            } == [])
    }

    @Test("status tells how full each table is, and what was removed")
    func status() throws {
        var status = StatusDocument(agent: "running")
        status.add([
            .v6: FlowTableUse(entries: 10, capacity: 1000),
            .v4: FlowTableUse(entries: 899, capacity: 1000),
        ])
        status.removedFlows = StatusDocument.RemovedFlows(expired: 12, early: 4, orphans: 1)
        #expect(status.flowTables.map(\.percent) == [89, 1])
        #expect(status.table.contains("FLOWS-IPV4     899 of 1000 entries (89 %)\n"))
        #expect(status.table.contains("FLOWS-IPV6     10 of 1000 entries (1 %)\n"))
        #expect(status.table.contains("FLOWS-REMOVED  12 entries (4 early, 1 orphans)\n"))
        #expect(try StatusDocument(json: status.json) == status)
    }
}
