// The stand-in's answers against what ipamd of each release writes: the same keys at every level,
// by the recorded shapes.

import FoundationEssentials
import Model
import Testing

@testable import Lab

@Suite("ipamd's answers")
struct IPAMDAnswersTests {
    /// A document without its values.
    private indirect enum Shape: Decodable {
        case object([String: Shape])
        case array([Shape])
        case leaf

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let members = try? container.decode([String: Shape].self) {
                self = .object(members)
            } else if let items = try? container.decode([Shape].self) {
                self = .array(items)
            } else {
                self = .leaf
            }
        }

        /// Every path of keys. What is data (addresses, ids) becomes `*`, but for the network
        /// card's number, which is what tells 1.20 from 1.19.
        func keyPaths(_ prefix: String = "") -> Set<String> {
            switch self {
            case .leaf: []
            case .array(let items):
                items.reduce(into: []) { $0.formUnion($1.keyPaths(prefix + "[]")) }
            case .object(let members):
                members.reduce(into: []) { paths, member in
                    let isData = member.key.contains { $0 == "." || $0 == "-" }
                    let path = prefix + "/" + (isData ? "*" : member.key)
                    paths.formUnion(member.value.keyPaths(path).union([path]))
                }
            }
        }
    }

    private static func parse(_ bytes: [UInt8]) throws -> Set<String> {
        try JSONDecoder().decode(Shape.self, from: Data(bytes)).keyPaths()
    }

    private static func fixture(_ name: String) throws -> Set<String> {
        let path = #filePath.dropLast("IPAMDAnswersTests.swift".count) + "Fixtures/\(name)"
        guard let data = FileManager.default.contents(atPath: String(path)) else {
            Issue.record("no fixture \(name)")
            return []
        }
        return try parse(Array(data))
    }

    private static func answers(_ version: String) throws -> IPAMDAnswers {
        let version = try #require(CNIVersion(version))
        return IPAMDAnswers(
            node: .sample, version: version,
            configuration: LabConfiguration(ipamdVersion: version))
    }

    @Test(
        "/v1/enis has the keys of its release",
        arguments: [
            ("1.11", "enis-v1.11-v1.19.json"), ("1.19.3", "enis-v1.11-v1.19.json"),
            ("1.20.2", "enis-v1.20.0-v1.20.2.json"), ("1.20.3", "enis-v1.20.3-v1.21.json"),
            ("1.22", "enis-v1.22.json"), ("1.23", "enis-v1.23-scrubbed.json"),
        ])
    func enis(version: String, fixture: String) throws {
        let body = try Self.answers(version).body("/v1/enis").description
        #expect(try Self.parse(Array(body.utf8)) == Self.fixture(fixture))
    }

    @Test(
        "the checkpoint has the keys of its release",
        arguments: [
            ("1.11", "ipam-v1.11-v1.19.json"), ("1.20", "ipam-v1.20-and-later.json"),
            ("1.23", "ipam-v1.20-and-later.json"),
        ])
    func checkpoint(version: String, fixture: String) throws {
        let text = try Self.answers(version).checkpoint.description
        #expect(try Self.parse(Array(text.utf8)) == Self.fixture(fixture))
    }

    @Test("1.23 blanks container ids and keeps pod names, earlier releases tell both")
    func scrubbed() throws {
        let new = try Self.answers("1.23").body("/v1/enis").description
        let old = try Self.answers("1.22").body("/v1/enis").description
        let id = LabNode.sample.pods[0].containerID
        #expect(!new.contains(id) && new.contains("node1-pod1"))
        #expect(old.contains(id) && old.contains("node1-pod1"))
    }

    @Test("an unknown path lists the commands instead of failing")
    func unknownPath() throws {
        let body = try Self.answers("1.23").body("/v1/pods")
        #expect(body.description.hasPrefix("{\"AvailableCommands\":["))
    }

    @Test(
        "times are RFC 3339 in UTC with nanoseconds",
        arguments: [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (1_787_307_330_123_456_789, "2026-08-21T10:15:30.123456789Z"),
            (951_782_400_000_000_001, "2000-02-29T00:00:00.000000001Z"),
        ])
    func times(nanoseconds: Int, expected: String) {
        #expect(UTCTime.rfc3339(nanoseconds: nanoseconds) == expected)
    }
}
