// What the programs want told arrives as values, whatever the record looks like.

import CDatapath
import Model
import Testing

@testable import Datapath

@Suite("events") struct EventTests {
    private func record(_ change: (inout event) -> Void) -> [UInt8] {
        var event = event()
        event.source.0 = 10
        event.source.3 = 5
        event.destination.15 = 1
        event.destination.0 = 10
        event.reason = UInt32(REASON_DROP_FLOWS_FULL.rawValue)
        event.service_id = 7
        event.ifindex = 3
        event.family = FAMILY_IPV4
        event.protocol = 17
        event.source_port = 4000
        event.destination_port = 53
        change(&event)
        return withUnsafeBytes(of: event) { Array($0) }
    }

    @Test("an event names the reason, the packet, the service and the interface")
    func decodes() throws {
        let v4 = try #require(DatapathEvent(record: record { _ in }))
        #expect(v4.reason?.name == "drop_flows_full")
        #expect(v4.family == .v4)
        #expect(v4.source == IPAddress("10.0.0.5"))
        #expect(v4.destination == IPAddress("10.0.0.0"))
        #expect(v4.protocol == 17)
        #expect(v4.sourcePort == 4000)
        #expect(v4.destinationPort == 53)
        #expect(v4.service == 7)
        #expect(v4.interface == 3)
        let v6 = try #require(DatapathEvent(record: record { $0.family = FAMILY_IPV6 }))
        #expect(v6.family == .v6)
        #expect(v6.destination == IPAddress("a00::1"))
    }

    @Test("a reason of a later version is kept as unknown; a record cut anywhere is no event")
    func strange() {
        let strange = DatapathEvent(record: record { $0.reason = 9999 })
        #expect(strange != nil && strange?.reason == nil)
        let whole = record { _ in }
        for length in 0..<whole.count {
            #expect(DatapathEvent(record: Array(whole.prefix(length))) == nil)
        }
    }
}
