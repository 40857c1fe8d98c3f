// The node's settings, and the switch that lets the interface programs translate. It is on only
// while the settings are written and the primary ENI, by which outside clients come, carries our
// programs: they would be answered by half of what they need otherwise.

import Model

extension Planner {
    mutating func planNode(toward desired: Desired) -> [Operation] {
        let primary = desired.node?.primaryInterface
        let mayBeOn =
            desired.translatesServices
            && primary.map { isReady($0, desired) && !detachingENIs.contains($0) } == true
        var operations: [Operation] = []
        if image.translatesServices, !mayBeOn { operations.append(.switchServices(false)) }
        if let node = desired.node {
            if node != image.node { operations.append(.setNode(node)) }
        } else if image.node != nil {
            operations.append(.removeNode)
        }
        if mayBeOn, !image.translatesServices { operations.append(.switchServices(true)) }
        // Last: an interface that refuses it keeps nothing else from being written.
        if image.xdpInterface != desired.xdpInterface {
            if let old = image.xdpInterface { operations.append(.detachXDP(old)) }
            if let new = desired.xdpInterface { operations.append(.attachXDP(new)) }
        }
        // A full pass hands out no empty plan, and nobody commits it.
        nodeUnderWay = mayBeOn && !operations.isEmpty ? primary : nil
        return operations
    }

    /// The ENI carries our programs. What an earlier agent switched on stays on while its hooks are
    /// found again: legacy filters are not part of what the maps tell.
    private func isReady(_ interface: UInt32, _ desired: Desired) -> Bool {
        if image.attachments[interface] == .eni { return true }
        return image.translatesServices && image.node?.primaryInterface == interface
            && desired.attachments[interface] == .eni
    }

    /// Flows may be translated on account of this ENI, now or by a plan under way.
    func mayTranslate(by interface: UInt32) -> Bool {
        nodeUnderWay == interface
            || image.translatesServices && image.node?.primaryInterface == interface
    }

    /// Forgets what was under way; true if the switch should be looked at again: hooks and settings
    /// may come in either order. To be called when the plan is in the image.
    mutating func settleNode(_ plan: UnitPlan) -> Bool {
        switch plan.unit {
        case .node: nodeUnderWay = nil
        case .interface(let index): detachingENIs.remove(index)
        default: return false
        }
        return plan.operations.contains { operation in
            switch operation {
            case .attach(let index, .eni), .detach(let index, .eni):
                index == image.node?.primaryInterface
            case .setNode(let node):
                !image.translatesServices
                    && node.primaryInterface.map { image.attachments[$0] == .eni } == true
            default: false
            }
        }
    }
}
