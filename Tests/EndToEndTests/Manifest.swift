// The manifests that tests give the agent: a Service and its slice, as short as the API allows.

import Model

/// One service of one family with one TCP and one UDP port of the same number.
struct Manifest {
    var name: String
    var clusterIP: String
    var port: UInt16 = 80
    /// Addresses of the backends, all on `targetPort`.
    var backends: [String]
    var targetPort: UInt16 = 8080

    var family: String { clusterIP.contains(":") ? "IPv6" : "IPv4" }

    var yaml: String { service + "---\n" + slice }

    private var service: String {
        """
        apiVersion: v1
        kind: Service
        metadata: {name: \(name)}
        spec:
          clusterIP: "\(clusterIP)"
          clusterIPs: ["\(clusterIP)"]
          ipFamilies: [\(family)]
          ports:
          - {name: t, port: \(port), protocol: TCP}
          - {name: u, port: \(port), protocol: UDP}

        """
    }

    private var slice: String {
        let endpoints = backends.map { "- {addresses: [\"\($0)\"], conditions: {ready: true}}" }
        return """
            apiVersion: discovery.k8s.io/v1
            kind: EndpointSlice
            metadata:
              name: \(name)-1
              labels: {kubernetes.io/service-name: \(name)}
            addressType: \(family)
            ports:
            - {name: t, port: \(targetPort), protocol: TCP}
            - {name: u, port: \(targetPort), protocol: UDP}
            endpoints:\(endpoints.isEmpty ? " []" : "")
            \(endpoints.joined(separator: "\n"))

            """
    }
}
