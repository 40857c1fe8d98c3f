// Node, core/v1, and ServiceCIDR, networking.k8s.io/v1: the two kinds without a namespace.

import Model

extension Node {
    init(manifest object: ObjectField) throws(MalformedObject) {
        let metadata = try object.member("metadata")
        let spec = try object.member("spec")
        var isLeaving = try metadata.member("deletionTimestamp").string() != nil
        for taint in try spec.member("taints").elements()
        where try taint.member("key").string() == "ToBeDeletedByClusterAutoscaler" {
            isLeaving = true
        }
        self.init(
            zone: try metadata.member("labels").member("topology.kubernetes.io/zone").string(),
            addresses: try Self.addresses(object.member("status").member("addresses")),
            podCIDRs: try Self.podCIDRs(spec), isLeaving: isLeaving)
    }

    /// Internal ones first, since whoever wants one address of a family takes the first.
    private static func addresses(_ field: ObjectField) throws(MalformedObject) -> [IPAddress] {
        var addresses: [String: [IPAddress]] = [:]
        for element in try field.elements() {
            let type = try element.member("type").required()
            guard type == "InternalIP" || type == "ExternalIP" else { continue }
            addresses[type, default: []].append(try element.member("address").address())
        }
        return (addresses["InternalIP"] ?? []) + (addresses["ExternalIP"] ?? [])
    }

    private static func podCIDRs(_ spec: ObjectField) throws(MalformedObject) -> [CIDR] {
        var fields = try spec.member("podCIDRs").elements()
        let single = try spec.member("podCIDR")
        if fields.isEmpty, try single.string()?.isEmpty == false { fields = [single] }
        var cidrs: [CIDR] = []
        for field in fields { cidrs.append(try field.cidr()) }
        return cidrs
    }
}

extension ServiceCIDR {
    init(manifest object: ObjectField) throws(MalformedObject) {
        var cidrs: [CIDR] = []
        for field in try object.member("spec").member("cidrs").elements() {
            cidrs.append(try field.cidr())
        }
        self.init(cidrs: cidrs)
    }
}
