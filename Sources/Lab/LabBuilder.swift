// Making a lab, from nothing to reachable: the VPC first, then node by node. Straight-line code
// that stops at the first error; whoever called it removes what is half made.

import Linux
import Model

/// Makes what a configuration asks for.
struct LabBuilder {
    let configuration: LabConfiguration
    let paths: LabPaths

    func build() throws -> LabStatus {
        let vpc = AddressPlan.vpcCIDRs
        let services = configuration.serviceCIDRs.map(\.wrappedValue)
        var status = LabStatus(
            name: paths.name, vpcCIDRs: vpc.map(Text.init(wrappedValue:)),
            serviceCIDRs: configuration.serviceCIDRs, nodes: [], hosts: [])

        let router = try makeHost(LabHost.routerName)
        let primaries = (1...configuration.nodes).map { node in
            AddressPlan.address(
                AddressPlan.primaryHost, inSubnet: AddressPlan.subnet(node: node, device: 0)
            ).v4
        }
        let client = AddressPlan.address(
            AddressPlan.primaryHost, inSubnet: AddressPlan.clientSubnet)
        let network = try VPCNetwork(opening: router, mtu: configuration.eniMTU)
        try network.prepare(services: services, publicV4: primaries + [client.v4])
        status.hosts = [
            router,
            try network.connectClient(makeHost(LabHost.clientName)),
            try network.connectInternet(makeHost(LabHost.internetName)),
        ]
        for number in 1...configuration.nodes {
            status.nodes.append(try makeNode(number, network))
        }
        try network.routes.settle()
        return status
    }

    /// A namespace and a cgroup for a host that is no node.
    private func makeHost(_ name: String) throws -> LabHost {
        let namespace = try NetworkNamespace.create(named: paths.namespace(name))
        let group = ControlGroup(path: paths.cgroup(name))
        try group.create()
        return LabHost(name: name, netns: namespace.path, cgroup: group.path)
    }

    private func makeNode(_ number: Int, _ network: VPCNetwork) throws -> LabNode {
        let name = "node\(number)"
        let namespace = try NetworkNamespace.create(named: paths.namespace(name))
        let group = ControlGroup(path: paths.cgroup(name))
        try group.create()
        for directory in [paths.directory(name), paths.state(name)] {
            try Directory.create(directory)
        }
        try BPFFileSystem.mount(at: paths.bpffs(name))
        let subnet = AddressPlan.subnet(node: number, device: 0)
        let primary = AddressPlan.address(AddressPlan.primaryHost, inSubnet: subnet)
        var node = LabNode(
            name: name, number: number, netns: namespace.path, cgroup: group.path,
            ipv4: primary.v4, ipv6: primary.v6, enis: [], pods: [], run: runArguments(name))

        let wires = try NodeNetwork(node: node, configuration: configuration, vpc: network)
        try wires.prepare()
        for device in 0..<configuration.enis {
            node.enis.append(try wires.attachENI(node, device: device))
        }
        if configuration.cniChains { try wires.addCNIChains(node) }
        for index in 0..<configuration.pods {
            let pod = try NewPod(
                node: node, namespace: "default", name: "\(name)-pod\(index + 1)", paths: paths)
            node.pods.append(try wires.addPod(pod, to: node))
        }
        try wires.routes.settle()
        return node
    }

    /// What `needletail run` needs to be told to run on this node, and not on the machine.
    private func runArguments(_ node: String) -> [String] {
        let list = { (prefixes: [CIDR]) in prefixes.map(\.description).joined(separator: ",") }
        return [
            "--node-name", node,
            // Below the mount point: a pin directory is the agent's to make and to remove.
            "--bpffs", paths.bpffs(node) + "/needletail",
            "--cgroup", paths.cgroup(node),
            "--state-dir", paths.state(node),
            "--control", paths.control(node),
            "--vpc-cidr", list(AddressPlan.vpcCIDRs),
            "--service-cidr", list(configuration.serviceCIDRs.map(\.wrappedValue)),
            "--ipamd", "http://127.0.0.1:\(StandIns.ipamdPort)",
            "--ipam-checkpoint", paths.checkpoint(node),
            "--imds", "http://\(AddressPlan.imds)",
            "--set-sysctls", "auto",
        ]
    }
}
