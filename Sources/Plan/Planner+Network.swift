// The units without ids: pods, host addresses, prefixes and interfaces. One entry each, so that a
// plan is at most one write, or two where an interface changes its role.

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

    /// The old role goes first: an interface never carries the programs of two.
    func planInterface(_ index: UInt32, toward desired: AttachmentRole?) -> [Operation] {
        let current = image.attachments[index]
        guard desired != current else { return [] }
        return [current.map { .detach(index, $0) }, desired.map { .attach(index, $0) }].compactMap {
            $0
        }
    }
}
