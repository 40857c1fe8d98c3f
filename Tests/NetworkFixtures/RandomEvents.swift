// Any event at any time: more than a kernel would ever say, so that nothing hangs on its order.

package import Model
package import Randomness

/// Events around one sample node, with few names so that they meet each other.
package enum RandomEvents {
    package static func next(_ node: SampleNode, _ random: inout SeededRandom) -> NetworkEvent {
        var pod = node.pod(UInt32.random(in: 1...4, using: &random), onSecondary: random.oneIn(2))
        if random.oneIn(4) { pod.vethIndex = UInt32.random(in: 101...104, using: &random) }
        let eni = random.oneIn(2) ? SampleNode.eth0 : SampleNode.eth1
        let subnet: UInt8 = random.oneIn(2) ? 1 : 2
        let table = random.oneIn(2) ? Route.mainTable : SampleNode.secondaryTable
        switch UInt64.random(in: 0..<17, using: &random) {
        case 0:
            // Two links never share a name, not even for a moment.
            return .linkChanged(node.pod(pod.vethIndex - 100).veth(isUp: !random.oneIn(3)))
        case 1: return random.oneIn(2) ? .linkRemoved(pod.vethIndex) : .linkRemoved(eni)
        case 2: return .linkChanged(node.eni(eni, isUp: !random.oneIn(3)))
        case 3, 4: return .routeChanged(pod.route)
        case 5: return .routeRemoved(pod.route.key)
        case 6: return .ruleAdded(random.oneIn(2) ? pod.toRule : pod.fromRule)
        case 7: return .ruleRemoved(random.oneIn(2) ? pod.toRule : pod.fromRule)
        case 8:
            return .routeChanged(node.defaultRoute(table: table, subnet: subnet, interface: eni))
        case 9:
            return .routeRemoved(
                node.defaultRoute(table: table, subnet: subnet, interface: eni).key)
        case 10: return .neighborChanged(pod.neighbor)
        case 11: return .neighborRemoved(pod.neighbor.key)
        case 12: return .neighborChanged(node.gatewayNeighbor(subnet, eni))
        case 13:
            let filter = TrafficFilter(
                interface: pod.vethIndex, direction: .egress, priority: 1, handle: 1, kind: "bpf",
                name: random.oneIn(3) ? "needletail_pod" : "handle_ingress")
            return random.oneIn(2) ? .filterAdded(filter) : .filterRemoved(filter)
        case 15:
            var rule = Rule(family: node.family, priority: 1000, table: 52)
            if random.oneIn(2) { rule.source = CIDR(host: pod.address) }
            if random.oneIn(2) { rule.inputInterface = pod.vethName }
            return random.oneIn(3) ? .ruleAdded(rule) : .ruleRemoved(rule)
        case 14:
            return .foreignProgram(interface: pod.vethIndex, present: random.oneIn(2))
        default:
            let address = InterfaceAddress(
                interface: eni, address: node.address(subnet, 10), prefixLength: 24)
            return random.oneIn(2) ? .addressAdded(address) : .addressRemoved(address)
        }
    }
}
