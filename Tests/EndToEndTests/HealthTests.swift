// Health ports of the real agent on the lab, asked as a load balancer outside asks, and /healthz as
// the kubelet does.

import Foundation
import Lab
import Linux
import Model
import Support
import Testing

private let healthPort: UInt16 = 31900

/// A dual-stack load balancer service with policy Local, and one endpoint in each family.
private struct BalancedManifest {
    /// `ready`, `draining` or `gone`.
    var endpoint = "ready"
    var port = healthPort
    var node: LabNode
    var pod: LabPod

    var yaml: String {
        let ips = Family.all.map { "\"\($0.clusterIP)\"" }.joined(separator: ", ")
        let service = """
            apiVersion: v1
            kind: Service
            metadata: {name: web, namespace: shop}
            spec:
              type: LoadBalancer
              externalTrafficPolicy: Local
              healthCheckNodePort: \(port)
              clusterIPs: [\(ips)]
              ipFamilies: [IPv4, IPv6]
              ports: [{name: t, port: 80, protocol: TCP}]

            """
        return service + Family.all.map { slice($0.family) }.joined()
    }

    private func slice(_ family: IPFamily) -> String {
        let conditions =
            endpoint == "ready"
            ? "{ready: true}" : "{ready: false, serving: true, terminating: true}"
        let item =
            "[{addresses: [\"\(pod.address(family))\"], nodeName: \(node.name), "
            + "conditions: \(conditions)}]"
        return """
            ---
            apiVersion: discovery.k8s.io/v1
            kind: EndpointSlice
            metadata:
              name: web-\(family.rawValue)
              namespace: shop
              labels: {kubernetes.io/service-name: web}
            addressType: IPv\(family.rawValue)
            ports: [{name: t, port: 8080, protocol: TCP}]
            endpoints: \(endpoint == "gone" ? "[]" : item)

            """
    }
}

/// What a load balancer's check outside the node is told; nil where nothing listens.
private func check(
    _ world: ServiceLab, _ family: IPFamily, _ port: UInt16
) async throws -> HTTPCheck? {
    let node = world.lab.nodes[0]
    let place = SocketAddress(family == .v4 ? node.ipv4 : node.ipv6, port)
    let namespace = try world.lab.target("client").namespace
    return try await HTTPCheck.answer(place, in: namespace, "GET /healthz")
}

/// Both families' checks say so.
private func wait(
    _ world: ServiceLab, _ what: String, port: UInt16 = healthPort,
    _ holds: (HTTPCheck?) -> Bool
) async throws {
    try await wait(what) {
        for family in IPFamily.allCases
        where !holds(try await check(world, family, port)) {
            return false
        }
        return true
    }
}

extension EndToEnd {
    @Suite("health")
    struct HealthTests {
        @Test("a load balancer is told of ready pods here: draining or gone is 503 with weight 0")
        func podGoesAway() async throws {
            let world = try await ServiceLab()
            var manifest = BalancedManifest(node: world.lab.nodes[0], pod: world.pod(0, 2))
            try world.agent.write("web.yaml", manifest.yaml)
            try await world.startAgents()
            func saysNo(_ answer: HTTPCheck?) -> Bool {
                answer?.status == 503
                    && answer?.has("X-Load-Balancing-Endpoint-Weight", "0") == true
            }
            func saysYes(_ answer: HTTPCheck?) -> Bool {
                answer?.status == 200
                    && answer?.has("X-Load-Balancing-Endpoint-Weight", "1") == true
            }
            try await wait(world, "the pod is told of", saysYes)
            let answer = try #require(try await check(world, .v6, healthPort))
            #expect(answer.has("Content-Type", "application/json"))
            #expect(answer.body.contains("\"serviceProxyHealthy\": true"))

            manifest.endpoint = "draining"
            try world.agent.write("web.yaml", manifest.yaml)
            try await wait(world, "the draining pod is not", saysNo)
            manifest.endpoint = "ready"
            try world.agent.write("web.yaml", manifest.yaml)
            try await wait(world, "it is again", saysYes)
            try world.lab.deletePod(node: "node1", name: "pod2")
            manifest.endpoint = "gone"
            try world.agent.write("web.yaml", manifest.yaml)
            try await wait(world, "the deleted pod is not", saysNo)

            manifest.port += 1
            try world.agent.write("web.yaml", manifest.yaml)
            try await wait(world, "the new port answers", port: healthPort + 1, saysNo)
            try await wait(world, "the old one is closed") { $0 == nil }
            world.agent.remove("web.yaml")
            try await wait(world, "it goes with the service", port: healthPort + 1) { $0 == nil }
            try await world.end()
        }

        @Test("a health port that is taken fails by its service's name, and opens when it is free")
        func taken() async throws {
            let world = try await ServiceLab()
            let node = world.lab.nodes[0]
            let namespace = try world.lab.target("node1").namespace
            var other: FileDescriptor? = FileDescriptor(
                owning: try await ListeningSocket.open(
                    IPAddress.unspecified(.v4).octets, port: healthPort, in: namespace))
            try world.agent.write(
                "web.yaml", BalancedManifest(node: node, pod: world.pod(0, 2)).yaml)
            try await world.startAgents()
            func failing() async throws -> [[String: Any]] {
                try await world.agent.status()["failing"] as? [[String: Any]] ?? []
            }
            try await wait("the failure is shown") { try await !failing().isEmpty }
            let failure = try #require(try await failing().first)
            #expect(failure["unit"] as? String == "service shop/web")
            #expect("\(failure["reason"] ?? "")".contains("health port 0.0.0.0:\(healthPort)"))
            func states() async throws -> [String: String] {
                let items =
                    try await world.agent.json(["services"])["items"] as? [[String: Any]] ?? []
                return items.reduce(into: [:]) { states, item in
                    let health = item["healthCheck"] as? [String: Any]
                    states["\(item["family"] ?? "")"] = health?["state"] as? String
                }
            }
            #expect(try await states() == ["4": "failed", "6": "listening"])
            _ = other?.rawValue
            other = nil
            try await wait(world, "it is open") { $0?.status == 200 }
            #expect(try await states() == ["4": "listening", "6": "listening"])
            #expect(try await failing().isEmpty)
            try await world.end()
        }

        @Test("/healthz turns with the Node object, /livez does not")
        func nodeHealth() async throws {
            let world = try await ServiceLab()
            let namespace = try world.lab.target("node1").namespace
            try await world.startAgents()
            func statuses() async throws -> [Int] {
                var statuses: [Int] = []
                for path in ["/healthz", "/livez"] {
                    let place = SocketAddress(IPAddress("127.0.0.1")!, 10256)
                    statuses.append(
                        try await HTTPCheck.ask(place, in: namespace, "GET \(path)").status)
                }
                return statuses
            }
            func node(_ rest: String) -> String {
                "apiVersion: v1\nkind: Node\nmetadata: {name: \(world.lab.nodes[0].name)}\n\(rest)"
            }
            // Nobody told of the Node yet.
            #expect(try await statuses() == [503, 200])
            for (rest, wanted) in [
                ("", 200),
                (
                    "spec: {taints: [{key: ToBeDeletedByClusterAutoscaler, effect: NoSchedule}]}",
                    503
                ),
                ("spec: {unschedulable: true, taints: [{key: karpenter.sh/disrupted}]}", 200),
            ] {
                try world.agent.write("node.yaml", node(rest))
                try await wait("/healthz is \(wanted)") { try await statuses() == [wanted, 200] }
            }
            try await world.end()
        }
    }
}
