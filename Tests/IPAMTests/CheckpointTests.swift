// Every published shape of ipamd's checkpoint, and what malformed ones get.

import FoundationEssentials
import IPAM
import Model
import Testing

private func fixture(_ name: String) throws -> Data {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
    return try Data(contentsOf: folder.appending(path: "Fixtures/\(name).json"))
}

private let coreDNS = ObjectName(namespace: "kube-system", name: "coredns-57ff979f67-qqbdh")

@Suite struct CheckpointTests {
    @Test(
        "every published shape is read",
        arguments: [
            ("ipam-empty", 0, 0), ("ipam-v1.7-v1.9", 2, 0), ("ipam-v1.10", 1, 0),
            ("ipam-v1.10-ipv6", 1, 0),
            ("ipam-v1.11-v1.19", 4, 3), ("ipam-v1.20-and-later", 3, 3), ("ipam-v1.20-ipv6", 1, 1),
            ("ipam-v1.20-multi-nic", 1, 1), ("ipam-nic-1-v1.20-multi-nic", 1, 1),
        ])
    func shapes(name: String, addresses: Int, named: Int) throws {
        let checkpoint = try Checkpoint(json: fixture(name))
        #expect(checkpoint.addresses.count == addresses)
        #expect(checkpoint.pods.count == named)
    }

    @Test("an address names its pod, in both families")
    func names() throws {
        let v4 = try Checkpoint(json: fixture("ipam-v1.20-and-later"))
        #expect(try v4.pods[#require(IPAddress("10.0.1.51"))] == coreDNS)
        let v6 = try Checkpoint(json: fixture("ipam-v1.20-ipv6"))
        #expect(try v6.pods[#require(IPAddress("2600:1f14:aaa:bb01:7a3c::"))] == coreDNS)
    }

    @Test("an allocation with empty metadata has an address and no name")
    func unnamed() throws {
        let checkpoint = try Checkpoint(json: fixture("ipam-v1.11-v1.19"))
        let address = try #require(IPAddress("10.0.1.77"))
        #expect(checkpoint.addresses.contains(address))
        #expect(checkpoint.pods[address] == nil)
    }

    @Test("a null list is empty, and an entry without an address does not spoil the others")
    func tolerance() throws {
        let null = Data(#"{"version":"vpc-cni-ipam/1","allocations":null}"#.utf8)
        #expect(try Checkpoint(json: null) == Checkpoint())
        let bad = Data(
            #"{"version":"vpc-cni-ipam/1","allocations":[{"ipv4":"x"},{"ipv6":"fd00::1"}]}"#.utf8)
        #expect(try Checkpoint(json: bad).addresses.map(\.description) == ["fd00::1"])
    }

    @Test("a file cut at any length is refused whole")
    func truncated() throws {
        let whole = try fixture("ipam-v1.20-and-later")
        let end = try #require(whole.lastIndex(of: UInt8(ascii: "}")))
        for length in 0..<end {
            #expect(throws: Checkpoint.Failure.self) { try Checkpoint(json: whole.prefix(length)) }
        }
    }

    @Test("an unknown version and a wrong type are refused with the reason")
    func refusals() {
        #expect(throws: Checkpoint.Failure.unknownVersion("2")) {
            try Checkpoint(json: Data(#"{"version":"2","allocations":[]}"#.utf8))
        }
        let error = #expect(throws: Checkpoint.Failure.self) {
            try Checkpoint(
                json: Data(#"{"version":"vpc-cni-ipam/1","allocations":[{"ipv4":4}]}"#.utf8))
        }
        #expect(error?.description.contains("allocations.[0].ipv4") == true)
        #expect(throws: Checkpoint.Failure.tooLarge(bytes: Checkpoint.maximumBytes + 1)) {
            try Checkpoint(json: Data(count: Checkpoint.maximumBytes + 1))
        }
    }
}
