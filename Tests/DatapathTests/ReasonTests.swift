// The header is the truth about reasons; the table of names follows it.

import Foundation
import Testing

@testable import Datapath

@Suite("reasons")
struct ReasonTests {
    @Test("the table names every reason of reasons.h, with its number, and no other")
    func matchesHeader() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let header = try String(
            contentsOf: root.appending(path: "bpf/shared/reasons.h"), encoding: .utf8)
        var expected: [String: UInt32] = [:]
        for match in header.matches(of: /REASON_([A-Z_]+) = (\d+),/) where match.1 != "MAX" {
            expected[match.1.lowercased()] = UInt32(match.2)
        }
        #expect(expected.count > 20)
        let table = Dictionary(uniqueKeysWithValues: Reason.all.map { ($0.name, $0.number) })
        #expect(table == expected)
    }
}
