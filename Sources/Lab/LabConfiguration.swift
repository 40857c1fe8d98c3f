// What a lab shall look like. Every number has a named limit, so that addresses never run out or
// overlap half-way through making one.

package import Model

/// The wishes of whoever makes a lab; the defaults are two nodes of two ENIs and four pods.
package struct LabConfiguration: Hashable, Sendable, Codable {
    /// One path component: letters, digits, `-`.
    package var name: String
    /// 1…`AddressPlan.maximumNodes`.
    package var nodes: Int
    /// Pods per node at the start, 0…`AddressPlan.maximumPods`.
    package var pods: Int
    /// ENIs per node, the primary one included, 1…`AddressPlan.maximumENIs`.
    package var enis: Int
    /// Whose shapes ipamd's stand-in answers in.
    @Text package var ipamdVersion: CNIVersion
    /// Bytes; AWS_VPC_ENI_MTU, for ENIs and the router's legs.
    package var eniMTU: Int
    /// Bytes; POD_MTU, for pods' veths.
    package var podMTU: Int
    /// Whether the CNI's mangle and nat chains are there (IPv4 only, as the CNI has it). Without
    /// them no pod reaches the internet over IPv4 (AWS_VPC_K8S_CNI_EXTERNALSNAT without a gateway).
    package var cniChains: Bool
    /// Service prefixes that the router counts as leaks when a packet to them leaves a node.
    package var serviceCIDRs: [Text<CIDR>]

    package init(
        name: String = "lab", nodes: Int = 2, pods: Int = 4, enis: Int = 2,
        ipamdVersion: CNIVersion = CNIVersion(1, 23), eniMTU: Int = 9001, podMTU: Int = 9001,
        cniChains: Bool = true, serviceCIDRs: [CIDR] = AddressPlan.serviceCIDRs
    ) {
        self.name = name
        self.nodes = nodes
        self.pods = pods
        self.enis = enis
        _ipamdVersion = Text(wrappedValue: ipamdVersion)
        self.eniMTU = eniMTU
        self.podMTU = podMTU
        self.cniChains = cniChains
        self.serviceCIDRs = serviceCIDRs.map(Text.init(wrappedValue:))
    }

    /// Throws `LabError.invalid` with the first wish that can't be met.
    package func validate() throws(LabError) {
        try Self.check(name: name)
        try Self.check(nodes, in: 1...AddressPlan.maximumNodes, "nodes")
        try Self.check(pods, in: 0...AddressPlan.maximumPods, "pods")
        try Self.check(enis, in: 1...AddressPlan.maximumENIs, "enis")
        guard pods <= enis * AddressPlan.podsPerENI else {
            throw .invalid("\(enis) ENIs have no addresses for \(pods) pods")
        }
        // IPv6 needs 1280 (RFC 8200 §5); 9001 is what an ENI carries.
        try Self.check(eniMTU, in: 1280...9001, "eniMTU")
        try Self.check(podMTU, in: 1280...9001, "podMTU")
        guard ipamdVersion >= CNIVersion.oldest else {
            throw .invalid("ipamd \(ipamdVersion) is older than \(CNIVersion.oldest)")
        }
    }

    /// Throws unless the name may be one path component: it names what `down` deletes.
    static func check(name: String) throws(LabError) {
        let allowed = name.utf8.allSatisfy {
            $0 == UInt8(ascii: "-") || UInt8(ascii: "0") <= $0 && $0 <= UInt8(ascii: "9")
                || UInt8(ascii: "a") <= $0 | 0x20 && $0 | 0x20 <= UInt8(ascii: "z")
        }
        guard allowed, !name.isEmpty, name.utf8.count <= maximumNameLength,
            !name.hasPrefix("-")
        else {
            throw .invalid("a lab's name is 1…\(maximumNameLength) letters, digits and '-'")
        }
    }

    /// Bytes; the name is part of paths and of unix socket addresses (108 bytes in all).
    package static let maximumNameLength = 32

    private static func check(
        _ value: Int, in range: ClosedRange<Int>, _ name: String
    ) throws(LabError) {
        guard range.contains(value) else {
            throw .invalid(
                "\(name) must be \(range.lowerBound)…\(range.upperBound), not \(value)")
        }
    }
}
