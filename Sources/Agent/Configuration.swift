// Everything the operator decided, validated, as one value that never changes while the agent runs.
// It says what was asked for; what this version can't do of it is refused by `Unsupported`.

package import Model

/// The whole configuration of one agent.
package struct Configuration: Hashable, Sendable {
    /// `--mode`
    package enum Mode: String, Hashable, Sendable, CaseIterable { case auto, active, shadow }

    /// `--services-from`
    package enum ServicesSource: Hashable, Sendable {
        case kubernetes
        /// A directory of manifests.
        case directory(String)
    }

    /// A feature that finds out by itself whether it can.
    package enum Switch: String, Hashable, Sendable, CaseIterable { case auto, on, off }

    /// `--socket-lb`
    package enum SocketLB: String, Hashable, Sendable, CaseIterable {
        case auto, on, off
        case hostOnly = "host-only"
    }

    /// `--xdp`
    package enum XDP: String, Hashable, Sendable, CaseIterable { case off, auto, native, generic }

    /// `--snat`: who does it for internet-bound traffic.
    package enum SNAT: String, Hashable, Sendable, CaseIterable { case kernel, bpf }

    /// `--detect-local`: how traffic from inside the cluster is told from the rest.
    package enum DetectLocal: String, Hashable, Sendable, CaseIterable {
        case interfaces
        case clusterCIDR = "cluster-cidr"
        case nodeCIDR = "node-cidr"
        case none
    }

    /// `--log-level`
    package enum LogLevel: String, Hashable, Sendable, CaseIterable {
        case trace, debug, info, notice, warning, error, critical
    }

    /// `--log-format`
    package enum LogFormat: String, Hashable, Sendable, CaseIterable { case text, json }

    package var mode = Mode.auto
    package var nodeName: String
    package var servicesFrom = ServicesSource.kubernetes
    package var kubeconfig: String?
    package var apiServer: String?
    /// A URL, or `unix:PATH`; nil is off.
    package var ipamd: String? = "http://127.0.0.1:61679"
    /// A path; nil is off.
    package var ipamCheckpoint: String? = "/var/run/aws-node/ipam.json"
    /// A URL; nil is off.
    package var imds: String? = "http://169.254.169.254"
    package var vpcCIDRs: [CIDR] = []
    package var snatExcludeCIDRs: [CIDR] = []
    package var serviceCIDRs: [CIDR] = []
    /// The pin directory.
    package var bpffs = "/sys/fs/bpf/needletail"
    /// Root for the socket hooks; nil: wherever cgroup2 is mounted.
    package var cgroup: String?
    package var stateDirectory = "/var/lib/needletail"
    /// The control socket's path.
    package var control = "/run/needletail/control.sock"
    /// Nil: found.
    package var primaryInterface: String?
    /// Nil: found.
    package var eniInterfaces: [String]?
    package var vethPrefix = "eni"
    package var socketLB = SocketLB.auto
    package var podRouting = Switch.auto
    /// Globs.
    package var socketLBExcludeCgroups: [String] = []
    package var xdp = XDP.off
    package var snat = SNAT.kernel
    package var nodePortAddresses = NodePortAddresses.all
    package var localhostNodePorts = false
    package var masqueradeAll = false
    package var detectLocal = DetectLocal.interfaces
    /// The only ports that we translate to.
    package var masqueradePorts = Settings.defaultMasqueradePorts
    /// For each CPU; 0: no limit.
    package var newFlowsPerSecond = Settings.defaultNewFlowsPerSecond
    package var flowMemoryMiB = 64
    /// Only a kube-proxy configuration changes them.
    package var flowTimeouts = FlowTimeouts()
    package var setSysctls = Switch.auto
    /// Nil is off.
    package var healthz: BindAddress? = BindAddress(address: .unspecified(.v4), port: 10256)
    /// Nil is off.
    package var metrics: BindAddress? = BindAddress(address: .loopbackV4, port: 10249)
    package var logLevel = LogLevel.info
    package var logFormat = LogFormat.text

    /// Where each setting that is not a default came from.
    package var origins: [Setting: Origin] = [:]

    /// All defaults; the node's name has none.
    package init(nodeName: String) { self.nodeName = nodeName }

    /// Whether some pods' services are only translated per packet.
    package var leavesDialsToPackets: Bool {
        socketLB == .hostOnly || (socketLB != .off && !socketLBExcludeCgroups.isEmpty)
    }

    /// The part that decides what Services and pods mean.
    package var settings: Settings {
        Settings(
            nodeName: nodeName, vpcCIDRs: vpcCIDRs, snatExcludeCIDRs: snatExcludeCIDRs,
            serviceCIDRs: serviceCIDRs, vethPrefix: vethPrefix, primaryInterface: primaryInterface,
            eniInterfaces: eniInterfaces, podRouting: podRouting != .off,
            nodePortAddresses: nodePortAddresses,
            localDetection: detectLocal == .none ? .none : .interfaces,
            masqueradesAll: masqueradeAll, masqueradePorts: masqueradePorts,
            newFlowsPerSecond: newFlowsPerSecond)
    }
}

extension IPAddress {
    /// 127.0.0.1
    fileprivate static let loopbackV4 = IPAddress(octets: [127, 0, 0, 1])!
}
