// The synthetic services as an agent reads them: what our agent and the rival's rules are given is
// one and the same, written twice.

import Model

/// Text of a List of Services and EndpointSlices. Slices are one a port number, as Kubernetes has
/// them. Each service also has a UDP port of the same number, for loads that send nothing.
package func manifest(of services: [SyntheticService]) -> String {
    let items = services.flatMap { service in [serviceObject(service)] + slices(of: service) }
    return """
        {"apiVersion": "v1", "kind": "List", "items": [
        \(items.joined(separator: ",\n"))
        ]}

        """
}

private func serviceObject(_ service: SyntheticService) -> String {
    let family = service.clusterIP.family == .v4 ? "IPv4" : "IPv6"
    return """
        {"apiVersion": "v1", "kind": "Service", \
        "metadata": \(metadata(service, service.name.name)), \
        "spec": {"type": "ClusterIP", "clusterIP": "\(service.clusterIP)", \
        "clusterIPs": ["\(service.clusterIP)"], "ipFamilies": ["\(family)"], "ports": [\
        {"name": "http", "protocol": "TCP", "port": \(service.port)}, \
        {"name": "udp", "protocol": "UDP", "port": \(service.port)}]}}
        """
}

private func slices(of service: SyntheticService) -> [String] {
    let family = service.clusterIP.family == .v4 ? "IPv4" : "IPv6"
    let byPort = Dictionary(grouping: service.backends, by: \.port).sorted { $0.key < $1.key }
    return byPort.map { port, backends in
        let endpoints = backends.map {
            "{\"addresses\": [\"\($0.address)\"], \"conditions\": {\"ready\": true}}"
        }
        return """
            {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", \
            "metadata": \(metadata(service, "\(service.name.name)-\(port)")), \
            "addressType": "\(family)", "ports": [\
            {"name": "http", "protocol": "TCP", "port": \(port)}, \
            {"name": "udp", "protocol": "UDP", "port": \(port)}], \
            "endpoints": [\(endpoints.joined(separator: ", "))]}
            """
    }
}

private func metadata(_ service: SyntheticService, _ name: String) -> String {
    """
    {"namespace": "\(service.name.namespace)", "name": "\(name)", \
    "labels": {"kubernetes.io/service-name": "\(service.name.name)"}}
    """
}
