// The settings of `needletail run`, written once: command line, environment, config file and every
// message that names a flag are derived from this list. Defaults live in Configuration.

/// One setting of `needletail run`; the raw value is its flag without the dashes, which is also its
/// key in a config file.
package enum Setting: String, Hashable, Sendable, CaseIterable {
    case mode
    case nodeName = "node-name"
    case servicesFrom = "services-from"
    case kubeconfig
    case apiServer = "api-server"
    case ipamd
    case ipamCheckpoint = "ipam-checkpoint"
    case imds
    case vpcCIDR = "vpc-cidr"
    case snatExcludeCIDR = "snat-exclude-cidr"
    case serviceCIDR = "service-cidr"
    case bpffs
    case cgroup
    case stateDirectory = "state-dir"
    case control
    case primaryInterface = "primary-interface"
    case eniInterfaces = "eni-interfaces"
    case vethPrefix = "veth-prefix"
    case socketLB = "socket-lb"
    case podRouting = "pod-routing"
    case socketLBExcludeCgroup = "socket-lb-exclude-cgroup"
    case xdp
    case snat
    case nodePortAddresses = "nodeport-addresses"
    case localhostNodePorts = "localhost-nodeports"
    case masqueradeAll = "masquerade-all"
    case detectLocal = "detect-local"
    case masqueradePorts = "masquerade-ports"
    case newFlowsPerSecond = "new-flows-per-second"
    case flowMemory = "flow-memory"
    case setSysctls = "set-sysctls"
    case healthzBindAddress = "healthz-bind-address"
    case metricsBindAddress = "metrics-bind-address"
    case logLevel = "log-level"
    case logFormat = "log-format"
    case config
    case kubeProxyConfig = "kube-proxy-config"

    /// `NEEDLETAIL_` and the flag in upper case with `_` for `-`.
    package var environmentVariable: String {
        "NEEDLETAIL_" + String(rawValue.uppercased().map { $0 == "-" ? "_" : $0 })
    }

    /// The flag may be given several times and takes comma-separated values.
    package var isList: Bool {
        switch self {
        case .vpcCIDR, .snatExcludeCIDR, .serviceCIDR, .eniInterfaces, .socketLBExcludeCgroup,
            .nodePortAddresses:
            true
        default: false
        }
    }
}

/// Where a value was given; what a complaint about it names.
package enum Origin: Hashable, Sendable, CustomStringConvertible {
    case commandLine
    /// The variable's name.
    case environment(String)
    /// The path of the config file.
    case configFile(String)
    /// The path of the KubeProxyConfiguration, and the field in it.
    case kubeProxy(path: String, field: String)

    package var description: String {
        switch self {
        case .commandLine: "on the command line"
        case .environment(let name): "from the environment, \(name)"
        case .configFile(let path): "from \(path)"
        case .kubeProxy(let path, let field): "from \(field) in \(path)"
        }
    }
}

/// The texts given for one flag in one place.
package struct Given: Hashable, Sendable {
    /// One or more; several only for a list.
    package var texts: [String]
    package var origin: Origin

    package init(_ texts: [String], _ origin: Origin) {
        self.texts = texts
        self.origin = origin
    }
}

/// What was wrong with how the agent was called: exit status 2.
package struct UsageError: Error, Hashable, Sendable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }

    /// `--xdp: "fast" is none of off, auto, native, generic (from the environment, NEEDLETAIL_XDP)`
    init(_ flag: Setting, _ problem: String, _ origin: Origin) {
        description = "--\(flag.rawValue): \(problem) (\(origin))"
    }
}
