// The rules of one service port: which chain each of its frontends jumps to, what is refused where
// nothing can answer, and how a chain spreads over its backends. Order inside a chain matters;
// order between chains does not.

import Model

/// One port with the names and verdicts that its rules repeat.
private struct PortContext {
    let port: ProxiedPort
    let text: String
    let proto: String
    let chains: PortChains
    let clusterBackends: [String]
    let localBackends: [String]
    let hasInternal: Bool
    let hasExternal: Bool
    let usesFirewall: Bool

    init(_ port: ProxiedPort) {
        self.port = port
        text = port.name.proxyText
        proto = port.name.protocol.proxyText
        chains = PortChains(name: text, protocol: proto)
        // By text, as kube-proxy sorts them: 10.0.138.30 stands before 10.0.75.31.
        clusterBackends = port.clusterBackends.map { socketText($0.address, $0.port) }.sorted()
        localBackends = port.localBackends.map { socketText($0.address, $0.port) }.sorted()
        let usable = port.isUsableAnywhere
        hasInternal = usable && (port.internalPolicy == .cluster || !port.localBackends.isEmpty)
        hasExternal = usable && (port.externalPolicy == .cluster || !port.localBackends.isEmpty)
        usesFirewall = usable && !port.loadBalancerIPs.isEmpty && !port.sourceRanges.isEmpty
    }

    /// `-d ADDRESS -p PROTO -m comment … -m PROTO --dport PORT`.
    func match(_ address: IPAddress, _ note: String) -> String {
        "-d \(hostPrefix(address)) -p \(proto) \(comment(note)) -m \(proto) --dport \(port.port)"
    }

    /// Comment and target of what is refused: silence where another node could answer.
    var refusal: (note: String, target: String) {
        guard port.isUsableAnywhere else {
            return ("\(text) has no endpoints", "REJECT --reject-with \(rejection)")
        }
        return ("\(text) has no local endpoints", "DROP")
    }

    private var rejection: String {
        port.name.family == .v4 ? "icmp-port-unreachable" : "icmp6-port-unreachable"
    }
}

extension RuleWriter {
    /// Appends everything about one service port.
    mutating func write(_ port: ProxiedPort) {
        let context = PortContext(port)
        writeClusterIP(context)
        writeExternalAddresses(context)
        writeNodePort(context)
        if port.isUsableAnywhere && port.isExternallyAccessible { writeExternalChain(context) }
        if context.usesFirewall { writeFirewallChain(context) }
        writeBackends(context)
    }

    private mutating func writeClusterIP(_ context: PortContext) {
        let port = context.port
        guard context.hasInternal else {
            let (note, target) = context.refusal
            filter.rules.append(
                "-A KUBE-SERVICES \(context.match(port.clusterIP, note)) -j \(target)")
            return
        }
        let chain = port.internalPolicy == .local ? context.chains.local : context.chains.cluster
        let match = context.match(port.clusterIP, "\(context.text) cluster IP")
        nat.rules.append("-A KUBE-SERVICES \(match) -j \(chain)")
        if settings.masqueradeAll { nat.rules.append("-A \(chain) \(match) -j KUBE-MARK-MASQ") }
    }

    private mutating func writeExternalAddresses(_ context: PortContext) {
        let port = context.port
        let balanced = context.usesFirewall ? context.chains.firewall : context.chains.external
        let addresses =
            port.externalIPs.map { ($0, "external IP", context.chains.external) }
            + port.loadBalancerIPs.map { ($0, "loadbalancer IP", balanced) }
        for (address, kind, chain) in addresses {
            if port.isUsableAnywhere {
                let match = context.match(address, "\(context.text) \(kind)")
                nat.rules.append("-A KUBE-SERVICES \(match) -j \(chain)")
            }
            if !context.hasExternal {
                let (note, target) = context.refusal
                filter.rules.append(
                    "-A KUBE-EXTERNAL-SERVICES \(context.match(address, note)) -j \(target)")
            }
        }
        guard context.usesFirewall else { return }
        for address in port.loadBalancerIPs {
            let note = "\(context.text) traffic not accepted by \(context.chains.firewall)"
            filter.rules.append("-A KUBE-PROXY-FIREWALL \(context.match(address, note)) -j DROP")
        }
    }

    private mutating func writeNodePort(_ context: PortContext) {
        let port = context.port
        let proto = context.proto
        if let number = port.nodePort {
            let tail = "-m \(proto) --dport \(number)"
            if port.isUsableAnywhere {
                let match = "-p \(proto) \(comment(context.text)) \(tail)"
                if family == .v4 && settings.localhostNodePorts && settings.accounting {
                    nat.rules.append(
                        "-A KUBE-NODEPORTS -d 127.0.0.0/8 \(match) "
                            + "-m nfacct --nfacct-name  localhost_nps_accepted_pkts "
                            + "-j \(context.chains.external)")
                }
                nat.rules.append("-A KUBE-NODEPORTS \(match) -j \(context.chains.external)")
            }
            if !context.hasExternal {
                let (note, target) = context.refusal
                filter.rules.append(
                    "-A KUBE-EXTERNAL-SERVICES -p \(proto) \(comment(note)) "
                        + "-m addrtype --dst-type LOCAL \(tail) -j \(target)")
            }
        }
        if let number = port.healthCheckNodePort {
            filter.rules.append(
                "-A KUBE-NODEPORTS -p tcp \(comment("\(context.text) health check node port")) "
                    + "-m tcp --dport \(number) -j ACCEPT")
        }
    }

    /// Traffic from outside: masqueraded under policy Cluster; under Local only the node's own is,
    /// which may also use every backend.
    private mutating func writeExternalChain(_ context: PortContext) {
        let chain = context.chains.external
        let isLocal = context.port.externalPolicy == .local
        nat.chains.append(chain)
        if isLocal {
            let own = "-m addrtype --src-type LOCAL"
            nat.rules += [
                "-A \(chain) "
                    + comment("masquerade LOCAL traffic for \(context.text) external destinations")
                    + " \(own) -j KUBE-MARK-MASQ",
                "-A \(chain) "
                    + comment("route LOCAL traffic for \(context.text) external destinations")
                    + " \(own) -j \(context.chains.cluster)",
            ]
        } else {
            nat.rules.append(
                "-A \(chain) "
                    + comment("masquerade traffic for \(context.text) external destinations")
                    + " -j KUBE-MARK-MASQ")
        }
        if context.hasExternal {
            nat.rules.append(
                "-A \(chain) -j \(isLocal ? context.chains.local : context.chains.cluster)")
        }
    }

    private mutating func writeFirewallChain(_ context: PortContext) {
        let port = context.port
        let chain = context.chains.firewall
        let tail = "\(comment("\(context.text) loadbalancer IP")) -j \(context.chains.external)"
        nat.chains.append(chain)
        for range in port.sourceRanges { nat.rules.append("-A \(chain) -s \(range) \(tail)") }
        if let node = settings.nodeAddress, port.sourceRanges.contains(where: { $0.contains(node) })
        {
            for address in port.loadBalancerIPs {
                nat.rules.append("-A \(chain) -s \(hostPrefix(address)) \(tail)")
            }
        }
        nat.rules.append(
            "-A \(chain) "
                + comment("other traffic to \(context.text) will be dropped by KUBE-PROXY-FIREWALL")
        )
    }

    private mutating func writeBackends(_ context: PortContext) {
        let port = context.port
        var reachable: [String] = []
        if port.usesClusterBackends && !context.clusterBackends.isEmpty {
            writeSpread(context, chain: context.chains.cluster, backends: context.clusterBackends)
            reachable = context.clusterBackends
        }
        if port.usesLocalBackends && !context.localBackends.isEmpty {
            writeSpread(context, chain: context.chains.local, backends: context.localBackends)
            let known = Set(reachable)
            reachable += context.localBackends.filter { !known.contains($0) }
        }
        for backend in reachable { writeBackend(context, backend) }
    }

    /// A chain that picks one backend: the remembered one with affinity, else each with the
    /// probability that makes the whole uniform.
    private mutating func writeSpread(_ context: PortContext, chain: String, backends: [String]) {
        nat.chains.append(chain)
        let targets = backends.map {
            (
                backend: $0,
                chain: backendChain(name: context.text, protocol: context.proto, backend: $0)
            )
        }
        func note(_ backend: String) -> String {
            isLargeCluster ? "" : comment("\(context.text) -> \(backend)") + " "
        }
        if let seconds = context.port.affinityTimeoutSeconds {
            for target in targets {
                nat.rules.append(
                    "-A \(chain) \(note(target.backend))-m recent --rcheck --seconds \(seconds) "
                        + "--reap --name \(target.chain) \(recentMask) -j \(target.chain)")
            }
        }
        for (index, target) in targets.enumerated() {
            let rest = targets.count - index
            let chance =
                rest > 1
                ? "-m statistic --mode random --probability \(probability(oneOf: rest)) " : ""
            nat.rules.append("-A \(chain) \(note(target.backend))\(chance)-j \(target.chain)")
        }
    }

    private mutating func writeBackend(_ context: PortContext, _ backend: String) {
        let chain = backendChain(name: context.text, protocol: context.proto, backend: backend)
        let note = isLargeCluster ? "" : comment(context.text) + " "
        let proto = context.proto
        let address =
            backend.hasPrefix("[")
            ? String(backend.dropFirst().prefix { $0 != "]" })
            : String(backend.prefix { $0 != ":" })
        nat.chains.append(chain)
        nat.rules.append("-A \(chain) -s \(address)/\(family.bits) \(note)-j KUBE-MARK-MASQ")
        let remember =
            context.port.affinityTimeoutSeconds == nil
            ? "" : "-m recent --set --name \(chain) \(recentMask) "
        nat.rules.append(
            "-A \(chain) -p \(proto) \(note)\(remember)-m \(proto) "
                + "-j DNAT --to-destination \(backend)"
        )
    }

    private var recentMask: String {
        let all = family == .v4 ? "255.255.255.255" : "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
        return "--mask \(all) --rsource"
    }
}
