// What is decided before the kernel is asked: addresses, limits, and what nft tells, read back.

import Model
import Testing

@testable import Lab

@Suite("The plan of a lab")
struct PlanTests {
    @Test("no two ENIs, pods or hosts share an address, and all lie inside the VPC")
    func addresses() {
        var seen: Set<IPAddress> = []
        var subnets = [AddressPlan.clientSubnet]
        for node in 1...AddressPlan.maximumNodes {
            for device in 0..<AddressPlan.maximumENIs {
                subnets.append(AddressPlan.subnet(node: node, device: device))
            }
        }
        let last = AddressPlan.firstPodHost + AddressPlan.podsPerENI - 1
        for subnet in subnets {
            let prefixes = AddressPlan.prefixes(subnet: subnet)
            for host in [AddressPlan.primaryHost] + (AddressPlan.firstPodHost...last) {
                let both = AddressPlan.address(host, inSubnet: subnet)
                #expect(prefixes.v4.contains(both.v4) && prefixes.v6.contains(both.v6))
                for address in [both.v4, both.v6] {
                    #expect(seen.insert(address).inserted, "\(address) twice")
                    #expect(AddressPlan.vpcCIDRs.contains { $0.contains(address) })
                }
            }
            #expect(!seen.contains(AddressPlan.gateway(subnet: subnet)))
        }
        for outside in [AddressPlan.internet.v4, AddressPlan.internet.v6] {
            #expect(!AddressPlan.vpcCIDRs.contains { $0.contains(outside) })
        }
    }

    @Test("interface names fit into the kernel's 15 characters")
    func names() {
        let node = "node\(AddressPlan.maximumNodes)"
        let ifname = AddressPlan.interfaceName(device: AddressPlan.maximumENIs - 1)
        #expect("\(node)-\(ifname)".utf8.count <= 15)
    }

    @Test("no path is taken for a name, whoever asks", arguments: ["..", "../etc", "a/b", ".", ""])
    func paths(name: String) {
        #expect(throws: LabError.self) { try Lab.remove(name) }
        #expect(throws: LabError.self) { try Lab.open(name) }
    }

    @Test("wishes outside the limits are refused by name")
    func limits() throws {
        try LabConfiguration().validate()
        let refused: [(LabConfiguration, String)] = [
            (LabConfiguration(name: ""), "name"), (LabConfiguration(name: "../up"), "name"),
            (LabConfiguration(name: "a.b"), "name"), (LabConfiguration(name: "-a"), "name"),
            (LabConfiguration(name: String(repeating: "a", count: 33)), "name"),
            (LabConfiguration(nodes: 0), "nodes"), (LabConfiguration(nodes: 15), "nodes"),
            (LabConfiguration(pods: -1), "pods"), (LabConfiguration(enis: 0), "enis"),
            (LabConfiguration(enis: 16), "enis"), (LabConfiguration(eniMTU: 1279), "eniMTU"),
            (LabConfiguration(podMTU: 9002), "podMTU"),
            (LabConfiguration(pods: 300, enis: 1), "pods"),
            (LabConfiguration(ipamdVersion: CNIVersion(1, 10)), "1.10"),
        ]
        for (configuration, word) in refused {
            let error = #expect(throws: LabError.self) { try configuration.validate() }
            #expect(error?.description.contains(word) == true, "\(configuration)")
        }
    }

    @Test(
        "versions are read with two or three numbers",
        arguments: [
            ("1.23", CNIVersion(1, 23)), ("v1.20.3", CNIVersion(1, 20, 3)), ("1", nil),
            ("1.x", nil), ("1.2.3.4", nil), ("1.2.", nil),
        ])
    func versions(text: String, expected: CNIVersion?) {
        #expect(CNIVersion(text) == expected)
    }

    @Test("the router's drops are read from nft's sets, other sets and rules passed over")
    func counters() throws {
        let text = """
            {"nftables": [{"metainfo": {"version": "1.0.6"}},
            {"set": {"family": "inet", "name": "wrong_eni4", "elem": [{"elem": {"val": {"concat":
            ["node1-ens5", "10.0.17.20", "10.0.1.10"]}, "counter": {"packets": 3, "bytes": 87}}}]}},
            {"set": {"family": "inet", "name": "nowhere6"}},
            {"set": {"family": "inet", "name": "public4", "elem": ["10.0.16.10"]}},
            {"rule": {"family": "inet", "expr": []}}]}
            """
        let counters = try RouterCounters(nftJSON: text)
        #expect(counters.packets(.wrongENI) == 3 && counters.packets(.nowhere) == 0)
        let entry = try #require(counters.entries.first)
        #expect(entry.leg == "node1-ens5" && entry.source.description == "10.0.17.20")
        #expect(throws: LabError.self) { try RouterCounters(nftJSON: "[]") }
        let strange = text.replacing("\"concat\"", with: "\"other\"")
        #expect(throws: LabError.self) { try RouterCounters(nftJSON: strange) }
    }

    @Test("the CNI's chains translate to the node's address and leave the VPC alone")
    func chains() throws {
        let text = CNIChains.restoreInput(
            primary: "ens5", node: LabNode.sample.ipv4, vpc: [AddressPlan.vpcCIDRs[0]])
        let lines = text.split(separator: "\n")
        let snat = lines.filter { $0.hasPrefix("-A AWS-SNAT-CHAIN-0") }
        #expect(snat.count == 2)
        #expect(snat[0].contains("-d 10.0.0.0/16") && snat[0].hasSuffix("-j RETURN"))
        #expect(snat[1].hasSuffix("-j SNAT --to-source 10.0.16.10 --random-fully"))
        #expect(lines.filter { $0 == "COMMIT" }.count == 2)
    }
}
