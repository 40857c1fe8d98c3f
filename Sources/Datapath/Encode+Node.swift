// The node's own structs: how ENIs are left by, what veths may send, and the settings. The same
// border as Encode.swift, in a file of its own for length.

internal import CDatapath
internal import Model

extension eni_key {
    init(_ key: ENIKey) {
        self.init()
        ifindex = key.interface
        family = key.family == .v4 ? FAMILY_IPV4 : FAMILY_IPV6
    }

    /// Nil for a family that we never write.
    var key: ENIKey? {
        switch family {
        case FAMILY_IPV4: ENIKey(interface: ifindex, family: .v4)
        case FAMILY_IPV6: ENIKey(interface: ifindex, family: .v6)
        default: nil
        }
    }
}

extension eni_egress {
    init(_ egress: ENIEgress, interface: UInt32) {
        self.init()
        ifindex = interface
        mtu = egress.mtu
        fill(&eni_mac, with: egress.mac.octets)
        if let mac = egress.nextHopMAC {
            fill(&next_hop_mac, with: mac.octets)
            next_hop_mac_known = true
        }
    }

    var egress: ENIEgress? {
        guard let mac = MACAddress(octets: octets(eni_mac)) else { return nil }
        return ENIEgress(
            mac: mac, mtu: mtu,
            nextHopMAC: next_hop_mac_known ? MACAddress(octets: octets(next_hop_mac)) : nil)
    }
}

extension veth_addresses {
    init(_ addresses: VethAddresses) {
        self.init()
        if let address = addresses.v4 {
            fill(&address4, with: address.octets)
            has_address4 = true
        }
        if let address = addresses.v6 {
            fill(&address6, with: address.octets)
            has_address6 = true
        }
    }

    var addresses: VethAddresses {
        VethAddresses(
            v4: has_address4 ? addressValue(address4) : nil,
            v6: has_address6 ? addressValue(address6) : nil)
    }
}

extension settings {
    init(_ node: DesiredNode) {
        self.init()
        primary_ifindex = node.primaryInterface ?? 0
        if let address = node.masqueradeV4 {
            fill(&masquerade4, with: address.octets)
            has_masquerade4 = true
        }
        if let address = node.masqueradeV6 {
            fill(&masquerade6, with: address.octets)
            has_masquerade6 = true
        }
        detect_local = node.localDetection == .none ? DETECT_NONE : DETECT_INTERFACES
        new_flows_per_second = node.newFlowsPerSecond
        masquerade_port_first = node.masqueradePorts.lowerBound
        masquerade_port_last = node.masqueradePorts.upperBound
        masquerade_all = node.masqueradesAll
    }

    /// Nil for the zeros that nobody wrote: a range of ports never begins at 0.
    var node: DesiredNode? {
        guard masquerade_port_first != 0, masquerade_port_first <= masquerade_port_last else {
            return nil
        }
        return DesiredNode(
            primaryInterface: primary_ifindex == 0 ? nil : primary_ifindex,
            masqueradeV4: has_masquerade4 ? addressValue(masquerade4) : nil,
            masqueradeV6: has_masquerade6 ? addressValue(masquerade6) : nil,
            localDetection: detect_local == DETECT_NONE ? .none : .interfaces,
            newFlowsPerSecond: new_flows_per_second,
            masqueradePorts: masquerade_port_first...masquerade_port_last,
            masqueradesAll: masquerade_all)
    }
}
