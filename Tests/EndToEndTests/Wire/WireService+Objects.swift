// The matrix' services as each carrier is given them: objects of the API for the agent, ports for
// the writer of kube-proxy's rules.

import KubeProxyRules
import Lab
import Model

extension WireService {
    /// A dual-stack Service and its slices. JSON is YAML.
    func manifest(_ lab: Lab) -> String {
        let addresses = IPFamily.allCases.map { "\"\(clusterIP($0))\"" }
        let ports = { (key: String, number: UInt16, extra: String) in
            ["TCP", "UDP"].map {
                "{\"name\": \"\($0.lowercased())\", \"protocol\": \"\($0)\", "
                    + "\"\(key)\": \(number)\(extra)}"
            }.joined(separator: ", ")
        }
        let outside = { (frontend: WireFrontend) in
            IPFamily.allCases.compactMap { WireFrontend.address(frontend, $0) }
        }
        let external = outside(.externalIP).map { "\"\($0)\"" }.joined(separator: ", ")
        let ingress = outside(.loadBalancer).map { "{\"ip\": \"\($0)\"}" }.joined(separator: ", ")
        let service = """
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "\(name)"}, "spec": {
              "type": "LoadBalancer", "clusterIP": \(addresses[0]),
              "clusterIPs": [\(addresses.joined(separator: ", "))],
              "ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "RequireDualStack",
              "externalTrafficPolicy": "\(Self.text(external: self.external))",
              "internalTrafficPolicy": "\(Self.text(external: self.internal))",
              "externalIPs": [\(external)],
              "ports": [\(ports("port", port, ", \"nodePort\": \(nodePort)"))]
            }, "status": {"loadBalancer": {"ingress": [\(ingress)]}}}
            """
        let slices = IPFamily.allCases.map { family in
            let endpoints = backends.map {
                """
                {"addresses": ["\(lab.address($0.rawValue, family))"],
                 "conditions": {"ready": true}, "nodeName": "\($0.rawValue.prefix { $0 != "/" })"}
                """
            }
            return """
                {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": {
                  "name": "\(name)-\(family)",
                  "labels": {"kubernetes.io/service-name": "\(name)"}},
                 "addressType": "IPv\(family.rawValue)",
                 "ports": [\(ports("port", Self.backendPort, ""))],
                 "endpoints": [\(endpoints.joined(separator: ", "))]}
                """
        }
        return ([service] + slices).joined(separator: "\n---\n") + "\n"
    }

    private static func text(external policy: TrafficPolicy) -> String {
        policy == .local ? "Local" : "Cluster"
    }

    /// What kube-proxy on node1 would write its rules from.
    func proxied(_ lab: Lab, _ family: IPFamily) -> [ProxiedPort] {
        [L4Protocol.tcp, .udp].map { transport in
            let all = backends.map { place in
                (
                    place,
                    Backend(
                        address: lab.address(place.rawValue, family), port: Self.backendPort,
                        protocol: transport)
                )
            }
            var port = ProxiedPort(
                name: ServicePortName(
                    service: ObjectName(namespace: "default", name: name),
                    port: transport == .tcp ? "tcp" : "udp", protocol: transport, family: family),
                clusterIP: clusterIP(family), port: port, backends: all.map(\.1))
            port.nodePort = nodePort
            port.externalIPs = [WireFrontend.address(.externalIP, family)].compactMap(\.self)
            port.loadBalancerIPs = [WireFrontend.address(.loadBalancer, family)].compactMap(\.self)
            port.internalPolicy = self.internal
            port.externalPolicy = external
            port.localBackends = all.filter(\.0.isOnNode).map(\.1)
            return port
        }
    }
}

extension Lab {
    /// The address of a node, pod or host by its target's name.
    func address(_ target: String, _ family: IPFamily) -> IPAddress {
        let parts = target.split(separator: "/").map(String.init)
        if let host = status.hosts.first(where: { $0.name == target }) {
            if let address = host.address(family) { return address }
        } else if let node = nodes.first(where: { $0.name == parts[0] }) {
            if parts.count == 1 { return node.address(family) }
            if let pod = node.pod(parts[1]) { return pod.address(family) }
        }
        preconditionFailure("the lab has no \(target)")
    }
}
