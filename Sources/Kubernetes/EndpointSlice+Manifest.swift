// EndpointSlice, discovery.k8s.io/v1. Absent conditions mean ready and serving, not terminating;
// a port without a name or number is no port; of several addresses the first counts.

import Model

extension EndpointSlice {
    /// Nil for a slice that no Service can use: without a Service's label, of host names, or copied
    /// from a headless Service.
    static func read(
        manifest object: ObjectField, namespace: String
    ) throws(MalformedObject) -> EndpointSlice? {
        let labels = try object.member("metadata").member("labels")
        let isHeadless = try labels.member("service.kubernetes.io/headless").string() != nil
        let service = try labels.member("kubernetes.io/service-name").string() ?? ""
        let type = try object.member("addressType")
        _ = try type.required()
        let family: IPFamily? = try type.choice(
            ["IPv4": .v4, "IPv6": .v6, "FQDN": nil], default: nil)
        guard let family, !isHeadless, !service.isEmpty else { return nil }
        return EndpointSlice(
            service: ObjectName(namespace: namespace, name: service), family: family,
            ports: try ports(object.member("ports")),
            endpoints: try endpoints(object.member("endpoints"), family))
    }

    private static func ports(_ field: ObjectField) throws(MalformedObject) -> [EndpointPort] {
        var ports: [EndpointPort] = []
        for element in try field.elements() {
            let transport = try element.member("protocol").transport()
            guard let name = try element.member("name").string(),
                let port = try element.member("port").port()
            else { continue }
            ports.append(EndpointPort(name: name, protocol: transport, port: port))
        }
        return ports
    }

    private static func endpoints(
        _ field: ObjectField, _ family: IPFamily
    ) throws(MalformedObject) -> [Endpoint] {
        var endpoints: [Endpoint] = []
        for element in try field.elements() {
            guard let first = try element.member("addresses").elements().first else { continue }
            let address = try first.address()
            guard address.family == family else {
                throw first.malformed("\(address) in a slice of IPv\(family.rawValue) addresses")
            }
            let conditions = try element.member("conditions")
            let hints = try element.member("hints")
            endpoints.append(
                Endpoint(
                    address: address,
                    isReady: try conditions.member("ready").bool() ?? true,
                    isServing: try conditions.member("serving").bool() ?? true,
                    isTerminating: try conditions.member("terminating").bool() ?? false,
                    nodeName: try element.member("nodeName").string(),
                    zoneHints: try names(hints.member("forZones")),
                    nodeHints: try names(hints.member("forNodes"))))
        }
        return endpoints
    }

    private static func names(_ field: ObjectField) throws(MalformedObject) -> [String] {
        var names: [String] = []
        for element in try field.elements() { names.append(try element.member("name").required()) }
        return names
    }
}
