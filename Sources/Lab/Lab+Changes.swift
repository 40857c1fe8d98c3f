// What happens to a running cluster: the CNI adds and deletes pods, EC2 attaches and detaches ENIs.
// Each returns when the kernel has all of it.

import Linux
import Model

extension Lab {
    /// CNI ADD for a new pod.
    ///
    /// - Parameter eni: interface name or ENI id to take the address from; nil: the one with the
    ///   fewest pods.
    @discardableResult
    package func addPod(
        node: String, name: String, namespace: String = "default", eni: String? = nil
    ) throws -> LabPod {
        try changeNode(node) { node, network in
            let new = try NewPod(
                node: node, namespace: namespace, name: name, eni: eni, paths: paths)
            let pod = try network.addPod(new, to: node)
            try network.routes.settle()
            node.pods.append(pod)
            return pod
        }
    }

    /// Ends the pod's processes and takes it away, as CNI DEL and the runtime do. `name` is the
    /// pod's or what follows the node's name in it.
    package func deletePod(node: String, name: String) throws {
        try changeNode(node) { node, network in
            guard let pod = node.pod(name) else { throw LabError.notFound("pod \(name)") }
            try network.deletePod(pod, of: node)
            node.pods.removeAll { $0 == pod }
        }
    }

    /// Attaches an ENI at the node's lowest free device number.
    @discardableResult
    package func attachENI(node: String) throws -> LabENI {
        try changeNode(node) { node, network in
            let used = Set(node.enis.map(\.device))
            guard let device = (1..<AddressPlan.maximumENIs).first(where: { !used.contains($0) })
            else { throw LabError.invalid("\(node.name) takes no more ENIs") }
            let eni = try network.attachENI(node, device: device)
            try network.routes.settle()
            node.enis = (node.enis + [eni]).sorted { $0.device < $1.device }
            return eni
        }
    }

    /// Detaches a secondary ENI, named by interface or id, that has no pods.
    package func detachENI(node: String, eni name: String) throws {
        try changeNode(node) { node, network in
            guard let eni = node.enis.first(where: { $0.ifname == name || $0.id == name }) else {
                throw LabError.notFound("ENI \(name) on \(node.name)")
            }
            guard eni.device > 0 else { throw LabError.invalid("\(name) is the primary ENI") }
            guard !node.pods.contains(where: { $0.eni == eni.ifname }) else {
                throw LabError.invalid("\(name) has pods")
            }
            try network.detachENI(eni)
            node.enis.removeAll { $0 == eni }
        }
    }

    /// What the router dropped since `up`, with culprits. One fork.
    package func routerCounters() throws -> RouterCounters {
        let router = try NetworkNamespace(opening: router.netns)
        let text = try Tool.run(
            ["nft", "-j", "list", "table", "inet", RouterRules.table], in: router)
        return try RouterCounters(nftJSON: text)
    }

    private func changeNode<T>(
        _ name: String, _ body: (inout LabNode, NodeNetwork) throws -> T
    ) throws -> T {
        try change { record in
            guard let index = record.status.nodes.firstIndex(where: { $0.name == name }) else {
                throw LabError.notFound("node \(name)")
            }
            let vpc = try VPCNetwork(
                opening: router, mtu: record.configuration.eniMTU)
            let network = try NodeNetwork(
                node: record.status.nodes[index], configuration: record.configuration, vpc: vpc)
            return try body(&record.status.nodes[index], network)
        }
    }
}
