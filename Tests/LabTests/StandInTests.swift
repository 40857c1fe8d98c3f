// ipamd's and IMDS' stand-ins, asked as the agent asks them: from the node's namespace.

import Lab
import Linux
import Model
import Support
import Testing

@Suite("Stand-ins")
struct StandInTests {
    /// One HTTP/1.1 request; the whole answer as text.
    private func ask(
        _ node: LabNode, _ address: String, _ port: UInt16, _ request: String,
        headers: [String] = []
    ) throws -> String {
        let peer = SocketAddress(try #require(IPAddress(address)), port)
        let client = try TCPClient(to: peer, in: NetworkNamespace(opening: node.netns))
        let lines = ["\(request) HTTP/1.1", "Host: \(address)", "Connection: close"] + headers
        try client.send(Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8))
        var answer: [UInt8] = []
        while true {
            let chunk = try client.receive()
            if chunk.isEmpty { return String(decoding: answer, as: UTF8.self) }
            answer += chunk
        }
    }

    @Test("ipamd tells of a pod that was just added, and no longer of one that was deleted")
    func followsPods() async throws {
        try await withLab(LabConfiguration(nodes: 1, pods: 1)) { lab in
            let node = lab.nodes[0]
            func answer() throws -> String { try ask(node, "127.0.0.1", 61679, "GET /v1/enis") }
            #expect(try !answer().contains("\"late\""))
            try lab.addPod(node: "node1", name: "late")
            #expect(try answer().contains("\"late\""))
            try lab.deletePod(node: "node1", name: "late")
            #expect(try !answer().contains("\"late\""))
        }
    }

    @Test("the checkpoint is replaced when a pod comes and goes")
    func checkpoint() async throws {
        try await withLab(LabConfiguration(nodes: 1, pods: 1)) { lab in
            let run = lab.nodes[0].run
            let path = run[try #require(run.firstIndex(of: "--ipam-checkpoint")) + 1]
            let before = try File.readText(path)
            #expect(before.contains("\"k8sPodName\":\"node1-pod1\"") && before.hasSuffix("}\n"))
            try lab.addPod(node: "node1", name: "late")
            #expect(try File.readText(path).contains("\"k8sPodName\":\"late\""))
            try lab.deletePod(node: "node1", name: "late")
            #expect(try File.readText(path) == before)
        }
    }

    @Test("IMDS wants a token, and tells the VPC's prefixes of each MAC")
    func imds() async throws {
        try await withLab(LabConfiguration(nodes: 1, pods: 0, enis: 2)) { lab in
            let node = lab.nodes[0]
            let address = "169.254.169.254"
            let root = "/latest/meta-data/"
            let refused = try ask(node, address, 80, "GET \(root)mac")
            #expect(refused.hasPrefix("HTTP/1.1 401"))
            let issued = try ask(
                node, address, 80, "PUT /latest/api/token",
                headers: ["X-aws-ec2-metadata-token-ttl-seconds: 60"])
            let token = try #require(issued.split(separator: "\r\n").last)
            func get(_ path: String) throws -> String {
                let answer = try ask(
                    node, address, 80, "GET \(root)\(path)",
                    headers: ["X-aws-ec2-metadata-token: \(token)"])
                let lines = answer.split(separator: "\r\n", omittingEmptySubsequences: false)
                return String(lines.last ?? "")
            }
            let mac = node.enis[0].mac
            #expect(try get("mac") == "\(mac)")
            #expect(
                try get("network/interfaces/macs/")
                    == node.enis.map { "\($0.mac)/" }.joined(separator: "\n"))
            #expect(try get("network/interfaces/macs/\(mac)/vpc-ipv4-cidr-blocks") == "10.0.0.0/16")
            #expect(
                try get("network/interfaces/macs/\(mac)/vpc-ipv6-cidr-blocks")
                    == "2001:db8:ec2::/56")
            #expect(try get("network/interfaces/macs/\(mac)/device-number") == "0")
            #expect(try get("nothing-of-the-kind") == "Not Found")
        }
    }
}
