// A pod before it exists: which ENI gives it an address, and what everything of it is called.

import Glibc
import Linux
import Model

/// The decisions about a pod; `NodeNetwork.addPod` carries them out.
struct NewPod {
    let namespace: String
    let name: String
    /// The ENI that owns its addresses.
    let eni: String
    let ipv4: IPAddress
    let ipv6: IPAddress
    let veth: String
    /// Random, as the plugin makes them: a pod that comes back has others.
    let vethMAC = Self.randomMAC()
    let mac = Self.randomMAC()
    let namespaceName: String
    let cgroup: String

    /// Chooses the ENI with the fewest pods, the lowest device first, or the one asked for, and its
    /// lowest free address: one that was just given back is given out again at once.
    init(
        node: LabNode, namespace: String, name: String, eni wanted: String? = nil, paths: LabPaths
    ) throws(LabError) {
        let taken = node.pods.contains { $0.namespace == namespace && $0.name == name }
        guard !taken else { throw .invalid("pod \(namespace)/\(name) is on \(node.name) already") }
        guard Self.isName(name), Self.isName(namespace) else {
            throw .invalid("\(namespace)/\(name): names are letters, digits, '-' and '.'")
        }
        let counts = node.enis.map { eni in node.pods.count { $0.eni == eni.ifname } }
        let choice = zip(node.enis, counts)
            .filter { wanted == nil || $0.0.ifname == wanted || $0.0.id == wanted }
            .min { ($0.1, $0.0.device) < ($1.1, $1.0.device) }
        guard let eni = choice?.0 else { throw .notFound("ENI \(wanted ?? "") on \(node.name)") }
        let used = Set(node.pods.map(\.ipv4))
        let free = (0..<AddressPlan.podsPerENI)
            .map { AddressPlan.address(AddressPlan.firstPodHost + $0, inSubnet: eni.subnet) }
            .first { !used.contains($0.v4) }
        guard let free else { throw .invalid("\(eni.ifname) of \(node.name) has no free address") }

        self.namespace = namespace
        self.name = name
        self.eni = eni.ifname
        (ipv4, ipv6) = free
        veth = VethName.of(namespace: namespace, pod: name)
        // The namespace "default" is left out of names and paths, which people type.
        let label = namespace == "default" ? name : "\(namespace).\(name)"
        namespaceName = paths.namespace(node.name, pod: label)
        cgroup = paths.cgroup(node.name, pod: label)
    }

    /// The pod as it is once its veth exists.
    func pod(netns: String, vethIndex: UInt32) -> LabPod {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return LabPod(
            namespace: namespace, name: name, netns: netns, cgroup: cgroup, ipv4: ipv4, ipv6: ipv6,
            veth: veth, vethIndex: vethIndex, vethMAC: vethMAC, mac: mac, eni: eni,
            containerID: Self.randomHex(64), assignedAt: now.tv_sec * 1_000_000_000 + now.tv_nsec)
    }

    private static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 63 && !text.hasPrefix(".")
            && text.allSatisfy {
                $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == ".")
            }
    }

    /// Locally administered, unicast.
    private static func randomMAC() -> MACAddress {
        let first = UInt8.random(in: .min ... .max) & 0xfc | 0x02
        let octets = [first] + (0..<5).map { _ in UInt8.random(in: .min ... .max) }
        guard let mac = MACAddress(octets: octets) else { preconditionFailure("six octets") }
        return mac
    }

    private static func randomHex(_ digits: Int) -> String {
        (0..<digits).map { _ in String(Int.random(in: 0..<16), radix: 16) }.joined()
    }
}
