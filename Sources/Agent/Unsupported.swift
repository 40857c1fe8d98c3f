// What the contract offers and this version can't do. Asked for, it is refused at start by name,
// with the remedy: a setting is never silently ignored. Defaults and weaker values pass.

import Model

/// The refusals and remarks that a configuration earns. Pure.
package struct Unsupported: Hashable, Sendable {
    /// One sentence each; any of them stops the start with exit status 1.
    package private(set) var refusals: [String] = []
    /// What the operator should know and that does not stop us.
    package private(set) var remarks: [String] = []

    package init(_ configuration: Configuration) {
        let defaults = Configuration(nodeName: configuration.nodeName)
        if configuration.servicesFrom == .kubernetes {
            refusals.append(
                "--services-from kubernetes: this version does not read the Kubernetes API; "
                    + "give a directory of manifests, --services-from DIR")
        }
        judge(
            configuration, .mode, configuration.mode == .shadow, "deciding without acting", "active"
        )
        for (flag, value) in [
            (Setting.kubeconfig, configuration.kubeconfig), (.apiServer, configuration.apiServer),
        ] {
            judge(configuration, flag, value != nil, "reading the Kubernetes API", nil)
        }
        judge(
            configuration, .ipamd, configuration.ipamd.map { $0 != defaults.ipamd } ?? false,
            "asking ipamd", "off")
        judge(
            configuration, .imds, configuration.imds.map { $0 != defaults.imds } ?? false,
            "asking the instance metadata service", "off")
        judge(configuration, .snat, configuration.snat == .bpf, "SNAT in a flow entry", "kernel")
        judge(
            configuration, .localhostNodePorts, configuration.localhostNodePorts,
            "NodePorts on loopback addresses", "off")
        judge(
            configuration, .detectLocal,
            [.clusterCIDR, .nodeCIDR].contains(configuration.detectLocal),
            "telling pods by their addresses", "interfaces or none")
        judge(
            configuration, .setSysctls, configuration.setSysctls == .on, "writing sysctls", "auto")
        judge(
            configuration, .metricsBindAddress,
            configuration.metrics.map { $0 != defaults.metrics } ?? false, "metrics", "off")
        refuseDialsToNobody(configuration)
        remarkOnMissingPrefixes(configuration)
    }

    /// What the socket hooks leave alone, the programs on pods' veths must serve.
    private mutating func refuseDialsToNobody(_ configuration: Configuration) {
        guard configuration.leavesDialsToPackets, configuration.podRouting == .off else { return }
        refusals.append(
            "--pod-routing off: what --socket-lb host-only and --socket-lb-exclude-cgroup leave "
                + "to the packet path would be served by nobody; leave one of them out")
    }

    /// What a kube-proxy configuration says describes our predecessor and is no request: it is
    /// named and left out. Everything else is a request and is refused.
    private mutating func judge(
        _ configuration: Configuration, _ flag: Setting, _ isAsked: Bool, _ feature: String,
        _ remedy: String?
    ) {
        guard isAsked, let origin = configuration.origins[flag] else { return }
        let verdict = "--\(flag.rawValue) (\(origin)): this version has no support for \(feature)"
        if case .kubeProxy = origin {
            remarks.append("\(verdict); the setting is left out")
        } else {
            refusals.append("\(verdict); \(remedy.map { "use \($0)" } ?? "leave it out")")
        }
    }

    private mutating func remarkOnMissingPrefixes(_ configuration: Configuration) {
        guard configuration.podRouting != .off, configuration.vpcCIDRs.isEmpty else { return }
        remarks.append(
            "no --vpc-cidr is given and this version does not ask the instance metadata service: "
                + "traffic from pods to other nodes keeps the kernel's path")
    }
}
