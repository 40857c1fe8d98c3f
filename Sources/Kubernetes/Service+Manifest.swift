// Service, core/v1. Only what a node reads is looked at, and only that is validated: a selector of
// the wrong shape is somebody else's problem.

import Model

extension Service {
    /// Seconds that ClientIP affinity lasts where the object doesn't say.
    private static let defaultAffinity: UInt32 = 10_800

    init(manifest object: ObjectField) throws(MalformedObject) {
        let spec = try object.member("spec")
        let labels = try object.member("metadata").member("labels")
        self.init(
            type: try spec.member("type").choice(
                Dictionary(uniqueKeysWithValues: ServiceType.allCases.map { ($0.rawValue, $0) }),
                default: .clusterIP),
            clusterIPs: try Self.clusterIPs(spec),
            ports: try Self.ports(spec.member("ports")),
            externalIPs: try Self.addresses(spec.member("externalIPs")),
            loadBalancerIPs: try Self.loadBalancerIPs(
                object.member("status").member("loadBalancer").member("ingress")),
            internalPolicy: try Self.policy(spec.member("internalTrafficPolicy")),
            externalPolicy: try Self.policy(spec.member("externalTrafficPolicy")),
            affinityTimeoutSeconds: try Self.affinity(spec),
            sourceRanges: try Self.sourceRanges(spec.member("loadBalancerSourceRanges")),
            healthCheckNodePort: try spec.member("healthCheckNodePort").port(),
            belongsToAnotherProxy:
                try labels.member("service.kubernetes.io/service-proxy-name").string() != nil)
    }

    /// `clusterIPs`, or `clusterIP` alone in objects older than dual-stack.
    private static func clusterIPs(_ spec: ObjectField) throws(MalformedObject) -> [IPAddress] {
        var fields = try spec.member("clusterIPs").elements()
        if fields.isEmpty { fields = [try spec.member("clusterIP")] }
        var addresses: [IPAddress] = []
        for field in fields {
            guard let text = try field.string(), !text.isEmpty, text != "None" else { continue }
            let address = try field.address()
            guard !addresses.contains(where: { $0.family == address.family }) else {
                throw field.malformed("a second IPv\(address.family.rawValue) address")
            }
            addresses.append(address)
        }
        return addresses
    }

    private static func ports(_ field: ObjectField) throws(MalformedObject) -> [ServicePort] {
        var ports: [ServicePort] = []
        for element in try field.elements() {
            let number = try element.member("port")
            guard let port = try number.port() else { throw number.malformed("is missing") }
            let new = ServicePort(
                name: try element.member("name").string() ?? "",
                protocol: try element.member("protocol").transport(), port: port,
                nodePort: try element.member("nodePort").port())
            for other in ports where other.protocol == new.protocol {
                if other.name == new.name {
                    throw element.malformed("a second \(new.protocol) port named \"\(new.name)\"")
                }
                if other.port == new.port {
                    throw element.malformed("a second port \(new.port)/\(new.protocol)")
                }
            }
            ports.append(new)
        }
        return ports
    }

    private static func addresses(_ field: ObjectField) throws(MalformedObject) -> [IPAddress] {
        var addresses: [IPAddress] = []
        for element in try field.elements() { addresses.append(try element.address()) }
        return addresses
    }

    /// Entries with a host name only, or with ipMode Proxy, are not captured: such packets leave
    /// the node as they are.
    private static func loadBalancerIPs(
        _ field: ObjectField
    ) throws(MalformedObject) -> [IPAddress] {
        var addresses: [IPAddress] = []
        for entry in try field.elements() {
            let isCaptured = try entry.member("ipMode")
                .choice(["VIP": true, "Proxy": false], default: true)
            let ip = try entry.member("ip")
            if let text = try ip.string(), !text.isEmpty, isCaptured {
                addresses.append(try ip.address())
            }
        }
        return addresses
    }

    private static func policy(_ field: ObjectField) throws(MalformedObject) -> TrafficPolicy {
        try field.choice(["Cluster": .cluster, "Local": .local], default: .cluster)
    }

    private static func affinity(_ spec: ObjectField) throws(MalformedObject) -> UInt32? {
        let isOn = try spec.member("sessionAffinity")
            .choice(["None": false, "ClientIP": true], default: false)
        guard isOn else { return nil }
        let seconds = try spec.member("sessionAffinityConfig").member("clientIP")
            .member("timeoutSeconds")
        let timeout = try seconds.seconds() ?? defaultAffinity
        guard timeout > 0 else { throw seconds.malformed("is 0") }
        return timeout
    }

    /// White space is trimmed and what isn't a CIDR is skipped, as kube-proxy does.
    private static func sourceRanges(_ field: ObjectField) throws(MalformedObject) -> [CIDR] {
        var ranges: [CIDR] = []
        for element in try field.elements() {
            var text = try (element.string() ?? "")[...]
            while let first = text.first, first.isWhitespace { text.removeFirst() }
            while let last = text.last, last.isWhitespace { text.removeLast() }
            if text.contains("/"), let range = CIDR(String(text)) { ranges.append(range) }
        }
        return ranges
    }
}
