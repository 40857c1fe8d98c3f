// The units without ids: pods, host addresses, prefixes and interfaces. Most are one entry, and
// their plan at most one write.

import Model

extension Planner {
    func planPod(_ address: IPAddress, toward desired: DesiredPod?) -> [Operation] {
        guard desired != image.pods[address] else { return [] }
        return [desired.map(Operation.setPod) ?? .removePod(address)]
    }

    func planLocalAddress(_ address: IPAddress, toward desired: Bool?) -> [Operation] {
        guard desired != image.localAddresses[address] else { return [] }
        return [
            desired.map { .setLocalAddress(address, acceptsNodePorts: $0) }
                ?? .removeLocalAddress(address)
        ]
    }

    func planPrefix(_ prefix: CIDR, toward desired: PrefixClass?) -> [Operation] {
        guard desired != image.prefixes[prefix] else { return [] }
        return [desired.map { .setPrefix(prefix, $0) } ?? .removePrefix(prefix)]
    }

    /// What the programs must know stands before they are attached, and goes after them. The old
    /// role goes first: an interface never carries the programs of two.
    mutating func planInterface(_ index: UInt32, toward desired: Desired) -> [Operation] {
        var sets: [Operation] = []
        var removals: [Operation] = []
        for family in IPFamily.allCases {
            let key = ENIKey(interface: index, family: family)
            let (wanted, current) = (desired.enis[key], image.enis[key])
            guard wanted != current else { continue }
            if let wanted {
                sets.append(.setENI(key, wanted))
            } else {
                removals.append(.removeENI(key))
            }
        }
        let veth = desired.veths[index]
        if let veth, veth != image.veths[index] { sets.append(.setVeth(index, veth)) }
        if veth == nil, image.veths[index] != nil { removals.append(.removeVeth(index)) }

        var roles: [Operation] = []
        let (wanted, current) = (desired.attachments[index], image.attachments[index])
        if wanted != current {
            if current == .eni {
                detachingENIs.insert(index)
                if mayTranslate(by: index) { roles.append(.switchServices(false)) }
            }
            if let current { roles.append(.detach(index, current)) }
            if let wanted { roles.append(.attach(index, wanted)) }
        }
        return sets + roles + removals
    }
}
