// Texts in, one validated Configuration out. Pure: what it needs from the machine (its host name)
// is handed in. The first bad value ends it with an error that names the flag and its origin.

import Model

extension Configuration {
    /// - Parameter hostName: what the node is called if nobody says otherwise.
    /// - Throws: `UsageError` for the first bad value, in the order of the flags' list.
    package init(
        _ options: OptionLayers, environment: [String: String], hostName: String
    ) throws(UsageError) {
        let reader = OptionReader(given: options.given)
        let nodeName = try reader.name(.nodeName)
        let fallback = environment["NODE_NAME"].flatMap { $0.isEmpty ? nil : $0 } ?? hostName
        self.init(nodeName: nodeName ?? fallback)
        origins = options.given.mapValues(\.origin)

        try reader.choice(.mode, into: &mode)
        if let text = try reader.name(.servicesFrom) {
            servicesFrom = text == "kubernetes" ? .kubernetes : .directory(text)
        }
        kubeconfig = try reader.name(.kubeconfig)
        apiServer = try reader.url(.apiServer)
        try reader.ipamd(into: &ipamd)
        if let text = try reader.name(.ipamCheckpoint) {
            ipamCheckpoint = text == "off" ? nil : text
        }
        if let text = try reader.name(.imds) { imds = text == "off" ? nil : try reader.url(.imds) }
        try reader.prefixes(.vpcCIDR, into: &vpcCIDRs)
        try reader.prefixes(.snatExcludeCIDR, into: &snatExcludeCIDRs)
        try reader.prefixes(.serviceCIDR, into: &serviceCIDRs)
        try reader.path(.bpffs, into: &bpffs)
        cgroup = try reader.absolutePath(.cgroup)
        try reader.path(.stateDirectory, into: &stateDirectory)
        try reader.path(.control, into: &control)
        primaryInterface = try reader.interface(.primaryInterface)
        eniInterfaces = try reader.interfaces(.eniInterfaces)
        try reader.vethPrefix(into: &vethPrefix)
        try reader.choice(.socketLB, into: &socketLB)
        try reader.choice(.podRouting, into: &podRouting)
        socketLBExcludeCgroups = try reader.list(.socketLBExcludeCgroup) ?? []
        try reader.choice(.xdp, into: &xdp)
        try reader.choice(.snat, into: &snat)
        try reader.nodePortAddresses(into: &nodePortAddresses)
        try reader.boolean(.localhostNodePorts, into: &localhostNodePorts)
        try reader.boolean(.masqueradeAll, into: &masqueradeAll)
        try reader.choice(.detectLocal, into: &detectLocal)
        try reader.portRange(.masqueradePorts, into: &masqueradePorts)
        try reader.count(.newFlowsPerSecond, into: &newFlowsPerSecond)
        try reader.mebibytes(.flowMemory, into: &flowMemoryMiB)
        flowTimeouts = options.flowTimeouts
        try reader.choice(.setSysctls, into: &setSysctls)
        try reader.bindAddress(.healthzBindAddress, into: &healthz)
        try reader.bindAddress(.metricsBindAddress, into: &metrics)
        try reader.choice(.logLevel, into: &logLevel)
        try reader.choice(.logFormat, into: &logFormat)
    }
}

extension OptionReader {
    func ipamd(into value: inout String?) throws(UsageError) {
        guard let text = try name(.ipamd) else { return }
        if text == "off" {
            value = nil
        } else if text.hasPrefix("unix:") {
            guard text.dropFirst(5).hasPrefix("/") else {
                throw complaint(.ipamd, "\"\(text)\" has no absolute path after unix:")
            }
            value = text
        } else {
            value = try url(.ipamd)
        }
    }

    func nodePortAddresses(
        into value: inout NodePortAddresses
    ) throws(UsageError) {
        switch try list(.nodePortAddresses) {
        case nil: return
        case ["all"]: value = .all
        case ["primary"]: value = .primary
        default:
            var all: [CIDR] = []
            try prefixes(.nodePortAddresses, into: &all)
            value = .prefixes(all)
        }
    }

    /// The CNI allows at most four characters, and none that other interfaces begin with
    /// (amazon-vpc-cni-k8s, cmd/aws-vpc-cni: validateEnvVars).
    func vethPrefix(into value: inout String) throws(UsageError) {
        guard let text = try name(.vethPrefix) else { return }
        guard text.utf8.count <= 4, !["eth", "lo", "vlan"].contains(text) else {
            throw complaint(
                .vethPrefix, "\"\(text)\" is longer than 4 characters or one of eth, lo, vlan")
        }
        value = text
    }
}
