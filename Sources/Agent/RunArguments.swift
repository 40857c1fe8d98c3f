// The command line of `needletail run` for swift-argument-parser. It only collects texts: their
// meaning is settled in Configuration, where the environment and the files meet them.

import ArgumentParser

/// Every flag of `needletail run`.
package struct RunArguments: ParsableArguments {
    @Option(
        help: "active; shadow: decide and change nothing; auto (default): active in this version.")
    var mode: String?
    @Option(help: "Which node we are. Default: $NODE_NAME, else the host name.")
    var nodeName: String?
    @Option(help: "A directory of manifests, or kubernetes (default).")
    var servicesFrom: String?
    @Option(help: "Where the Kubernetes API is. Default: in-cluster.")
    var kubeconfig: String?
    @Option(help: "The Kubernetes API's address.")
    var apiServer: String?
    @Option(help: "URL, unix:PATH or off. Default: http://127.0.0.1:61679.")
    var ipamd: String?
    @Option(help: "Path or off. Default: /var/run/aws-node/ipam.json.")
    var ipamCheckpoint: String?
    @Option(help: "URL or off. Default: http://169.254.169.254.")
    var imds: String?
    @Option(help: "The VPC's prefixes; comma-separated or repeated.")
    var vpcCidr: [String] = []
    @Option(help: "Prefixes outside the VPC that need no SNAT; comma-separated or repeated.")
    var snatExcludeCidr: [String] = []
    @Option(help: "The cluster's service prefixes; comma-separated or repeated.")
    var serviceCidr: [String] = []
    @Option(help: "The pin directory. Default: /sys/fs/bpf/needletail.")
    var bpffs: String?
    @Option(help: "Root for the socket hooks. Default: the cgroup2 mount.")
    var cgroup: String?
    @Option(help: "Last known state. Default: /var/lib/needletail.")
    var stateDir: String?
    @Option(help: "The agent's socket. Default: /run/needletail/control.sock.")
    var control: String?
    @Option(help: "Name of the primary ENI. Default: found.")
    var primaryInterface: String?
    @Option(help: "Names of all ENIs; comma-separated or repeated. Default: found.")
    var eniInterfaces: [String] = []
    @Option(help: "What pods' host veths are called. Default: eni.")
    var vethPrefix: String?
    @Option(name: .customLong("socket-lb"), help: "auto (default), on, off, host-only.")
    var socketLB: String?
    @Option(help: "auto (default), on, off.")
    var podRouting: String?
    @Option(
        name: .customLong("socket-lb-exclude-cgroup"),
        help: "Glob, repeatable: pods whose dials are translated per packet.")
    var socketLBExcludeCgroup: [String] = []
    @Option(help: "off (default), auto, native, generic.")
    var xdp: String?
    @Option(help: "kernel (default): the CNI's rules do it; bpf.")
    var snat: String?
    @Option(
        name: .customLong("nodeport-addresses"),
        help: "all (default), primary, or prefixes; comma-separated or repeated.")
    var nodePortAddresses: [String] = []
    @Option(
        name: .customLong("localhost-nodeports"), defaultAsFlag: "on", help: "on, off (default).")
    var localhostNodePorts: String?
    @Option(defaultAsFlag: "on", help: "on, off (default).")
    var masqueradeAll: String?
    @Option(help: "interfaces (default), cluster-cidr, node-cidr, none.")
    var detectLocal: String?
    @Option(help: "The only ports we translate to. Default: 40960-65535.")
    var masqueradePorts: String?
    @Option(help: "New flows that each CPU may make; 0: no limit. Default: 20000.")
    var newFlowsPerSecond: String?
    @Option(help: "Size of the flow tables in MiB. Default: 64.")
    var flowMemory: String?
    @Option(help: "auto (default), on, off.")
    var setSysctls: String?
    @Option(help: "ADDRESS:PORT or off. Default: 0.0.0.0:10256.")
    var healthzBindAddress: String?
    @Option(help: "ADDRESS:PORT or off. Default: 127.0.0.1:10249.")
    var metricsBindAddress: String?
    @Option(help: "trace, debug, info (default), notice, warning, error, critical.")
    var logLevel: String?
    @Option(help: "text (default), json.")
    var logFormat: String?
    @Option(help: "YAML file with these settings, keys without dashes.")
    var config: String?
    @Option(help: "A KubeProxyConfiguration to take defaults from.")
    var kubeProxyConfig: String?

    package init() {}

    /// What was given, as the strongest layer of options.
    package var layer: [Setting: Given] {
        let single: [Setting: String?] = [
            .mode: mode, .nodeName: nodeName, .servicesFrom: servicesFrom, .kubeconfig: kubeconfig,
            .apiServer: apiServer, .ipamd: ipamd, .ipamCheckpoint: ipamCheckpoint, .imds: imds,
            .bpffs: bpffs, .cgroup: cgroup, .stateDirectory: stateDir, .control: control,
            .primaryInterface: primaryInterface, .vethPrefix: vethPrefix, .socketLB: socketLB,
            .podRouting: podRouting, .xdp: xdp, .snat: snat,
            .localhostNodePorts: localhostNodePorts,
            .masqueradeAll: masqueradeAll, .detectLocal: detectLocal,
            .masqueradePorts: masqueradePorts, .newFlowsPerSecond: newFlowsPerSecond,
            .flowMemory: flowMemory, .setSysctls: setSysctls,
            .healthzBindAddress: healthzBindAddress, .metricsBindAddress: metricsBindAddress,
            .logLevel: logLevel, .logFormat: logFormat, .config: config,
            .kubeProxyConfig: kubeProxyConfig,
        ]
        let several: [Setting: [String]] = [
            .vpcCIDR: vpcCidr, .snatExcludeCIDR: snatExcludeCidr, .serviceCIDR: serviceCidr,
            .eniInterfaces: eniInterfaces, .socketLBExcludeCgroup: socketLBExcludeCgroup,
            .nodePortAddresses: nodePortAddresses,
        ]
        var layer: [Setting: Given] = [:]
        for (flag, text) in single {
            if let text { layer[flag] = Given([text], .commandLine) }
        }
        for (flag, texts) in several where !texts.isEmpty {
            layer[flag] = Given(texts, .commandLine)
        }
        return layer
    }
}
