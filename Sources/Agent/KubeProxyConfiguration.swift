// `--kube-proxy-config FILE`: what maps simply from a kubeproxy.config.k8s.io/v1alpha1 object, as
// the weakest layer of options. It describes our predecessor: what can't be mapped is left out.

import Yams

/// A kube-proxy configuration as a layer of options.
enum KubeProxyConfiguration {
    /// - Throws: `UsageError` when the text is no KubeProxyConfiguration of version v1alpha1.
    static func layer(path: String, yaml: String) throws(UsageError) -> [Setting: Given] {
        guard let root = try YAMLText.compose(yaml, path: path), let mapping = root.mapping,
            mapping["kind"]?.string == "KubeProxyConfiguration"
        else { throw UsageError("--kube-proxy-config: \(path) is no KubeProxyConfiguration") }
        guard mapping["apiVersion"]?.string == "kubeproxy.config.k8s.io/v1alpha1" else {
            throw UsageError(
                "--kube-proxy-config: \(path) is not kubeproxy.config.k8s.io/v1alpha1"
            )
        }
        var layer: [Setting: Given] = [:]
        func set(_ flag: Setting, _ field: String, _ texts: [String]) {
            let texts = texts.filter { !$0.isEmpty }
            if !texts.isEmpty {
                layer[flag] = Given(texts, .kubeProxy(path: path, field: field))
            }
        }
        func scalar(_ name: String, in node: Node.Mapping) -> [String] {
            guard let value = node[name], value.null == nil, let text = value.string else {
                return []
            }
            return [text]
        }
        set(
            .nodePortAddresses, "nodePortAddresses",
            mapping["nodePortAddresses"]?.sequence?.compactMap(\.string) ?? [])
        set(.nodeName, "hostnameOverride", scalar("hostnameOverride", in: mapping))
        set(.healthzBindAddress, "healthzBindAddress", scalar("healthzBindAddress", in: mapping))
        set(.metricsBindAddress, "metricsBindAddress", scalar("metricsBindAddress", in: mapping))
        for section in ["iptables", "ipvs", "nftables"] {
            guard let rules = mapping[section]?.mapping, rules["masqueradeAll"]?.bool == true else {
                continue
            }
            set(.masqueradeAll, "\(section).masqueradeAll", ["on"])
        }
        set(.detectLocal, "detectLocalMode", detectLocal(mapping))
        return layer
    }

    /// kube-proxy's ways to tell local traffic, in our words. ClusterCIDR without a clusterCIDR, as
    /// stock EKS has it, detects nothing. Bridges and name prefixes are what `interfaces` finds.
    private static func detectLocal(_ mapping: Node.Mapping) -> [String] {
        let hasClusterCIDR = !(mapping["clusterCIDR"]?.string ?? "").isEmpty
        switch mapping["detectLocalMode"]?.string ?? "" {
        case "NodeCIDR": return ["node-cidr"]
        case "BridgeInterface", "InterfaceNamePrefix": return ["interfaces"]
        case "ClusterCIDR": return [hasClusterCIDR ? "cluster-cidr" : "none"]
        default: return hasClusterCIDR ? ["cluster-cidr"] : []
        }
    }
}
