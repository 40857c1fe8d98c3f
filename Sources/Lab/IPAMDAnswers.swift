// What ipamd's introspection port and its checkpoint file say about a node, in the shape of each
// release since 1.11. In the lab pods have both families, but ipamd runs in one: as on an IPv4
// cluster it lists IPv4 addresses only.

import Model

/// ipamd's view of a node.
struct IPAMDAnswers {
    let node: LabNode
    let version: CNIVersion
    let configuration: LabConfiguration

    /// The body for a path of the introspection port. An unknown path is no error: it lists what
    /// there is, with status 200.
    func body(_ path: String) -> JSONValue {
        switch path {
        case "/v1/enis": return enis
        case "/v1/networkutils-env-settings": return networkSettings
        case "/v1/ipamd-env-settings": return daemonSettings
        case "/v1/eni-configs": return "default"
        default:
            return [
                "AvailableCommands": [
                    "/v1/enis", "/v1/eni-configs", "/v1/networkutils-env-settings",
                    "/v1/ipamd-env-settings",
                ]
            ]
        }
    }

    /// `ipam.json`: an entry for each pod, ENIs unmentioned.
    var checkpoint: JSONValue {
        let allocations = node.pods.map { pod -> JSONValue in
            [
                "networkName": .string(Self.network), "containerID": .string(pod.containerID),
                "ifName": "eth0", "ipv4": .string(pod.ipv4.description),
                "allocationTimestamp": .number(pod.assignedAt), "metadata": metadata(pod),
            ]
        }
        return ["version": "vpc-cni-ipam/1", "allocations": .array(allocations)]
    }

    private var enis: JSONValue {
        let each = node.enis.map { ($0.id, describe($0)) }
        let pool: JSONValue = [
            "TotalIPs": .number(node.pods.count + node.enis.count * Self.warm),
            "AssignedIPs": .number(node.pods.count), "ENIs": .object(Dictionary(each) { $1 }),
        ]
        // Since 1.20 by network card.
        return version >= CNIVersion(1, 20) ? ["0": pool] : pool
    }

    /// Free addresses that each ENI holds.
    private static let warm = 1
    private static let network = "aws-cni"

    private func describe(_ eni: LabENI) -> JSONValue {
        var prefixes: [String: JSONValue] = [:]
        for pod in node.pods where pod.eni == eni.ifname {
            let addresses: JSONValue = .object([pod.ipv4.description: assignment(pod)])
            prefixes["\(pod.ipv4)/32"] = prefix(pod.ipv4, addresses)
        }
        // Addresses that were never handed out are in no list, but their prefix is.
        let warm = AddressPlan.address(Self.warmHost, inSubnet: eni.subnet).v4
        prefixes["\(warm)/32"] = prefix(warm, [:])
        var members: [String: JSONValue] = [
            "ID": .string(eni.id), "IsPrimary": .bool(eni.device == 0), "IsTrunk": false,
            "IsEFA": false, "DeviceNumber": .number(eni.device),
            "AvailableIPv4Cidrs": .object(prefixes), "IPv6Cidrs": [:],
        ]
        if version >= CNIVersion(1, 20, 3) { members["RouteTableID"] = .number(Int(eni.table)) }
        if version >= CNIVersion(1, 22) {
            members["IsExcludedForPodIPs"] = false
            members["SubnetID"] = .string(AddressPlan.subnetID(subnet: eni.subnet))
        }
        return .object(members)
    }

    /// Below the pods' addresses, above the ENI's.
    private static let warmHost = 19

    private func prefix(_ address: IPAddress, _ addresses: JSONValue) -> JSONValue {
        [
            "Cidr": ["IP": .string(address.description), "Mask": "/////w=="],
            "IPAddresses": addresses, "IsPrefix": false, "AddressFamily": "",
        ]
    }

    private func assignment(_ pod: LabPod) -> JSONValue {
        // Blanked since 1.23.
        let known = version < CNIVersion(1, 23)
        return [
            "Address": .string(pod.ipv4.description),
            "IPAMKey": [
                "networkName": .string(Self.network),
                "containerID": .string(known ? pod.containerID : ""),
                "ifName": known ? "eth0" : "",
            ],
            "IPAMMetadata": metadata(pod),
            "AssignedTime": .string(UTCTime.rfc3339(nanoseconds: pod.assignedAt)),
            "UnassignedTime": "0001-01-01T00:00:00Z",
        ]
    }

    private func metadata(_ pod: LabPod) -> JSONValue {
        var members: [String: JSONValue] = [
            "k8sPodNamespace": .string(pod.namespace), "k8sPodName": .string(pod.name),
        ]
        if version >= CNIVersion(1, 20) { members["interfacesCount"] = 1 }
        return .object(members)
    }

    private var networkSettings: JSONValue {
        [
            "AWS_EXTERNAL_SERVICE_CIDRS": .null, "AWS_VPC_CNI_NODE_PORT_SUPPORT": true,
            "AWS_VPC_ENI_MTU": .number(configuration.eniMTU), "AWS_VPC_K8S_CNI_CONNMARK": 128,
            "AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS": .null,
            "AWS_VPC_K8S_CNI_EXTERNALSNAT": .bool(!configuration.cniChains),
            "AWS_VPC_K8S_CNI_RANDOMIZESNAT": 2, "AWS_VPC_K8S_CNI_VETHPREFIX": "eni",
        ]
    }

    private var daemonSettings: JSONValue {
        [
            "AWS_MANAGE_ENIS_NON_SCHEDULABLE": false, "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": false,
            "ENABLE_SUBNET_DISCOVERY": true, "WARM_ENI_TARGET": 1, "WARM_IP_TARGET": 0,
        ]
    }
}
