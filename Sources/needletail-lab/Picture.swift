// A lab for human eyes: who is where, on one screen.

import Lab
import Model

/// The table form of a lab's status.
enum Picture {
    /// Lines, each ended.
    static func draw(_ status: LabStatus) -> String {
        let vpc = status.vpcCIDRs.map(\.wrappedValue.description).joined(separator: ", ")
        let services = status.serviceCIDRs.map(\.wrappedValue.description).joined(separator: ", ")
        var lines = ["lab \(status.name): VPC \(vpc); services \(services)"]
        for host in status.hosts {
            let addresses = [host.ipv4, host.ipv6].compactMap { $0?.wrappedValue.description }
            lines.append("  " + ([host.name] + addresses).joined(separator: "  "))
        }
        for node in status.nodes {
            lines.append("  \(node.name)")
            for eni in node.enis {
                let table = eni.table == 254 ? "main" : "table \(eni.table)"
                lines.append("    \(eni.ifname)  \(eni.ipv4)  \(eni.ipv6)  \(table)")
                for pod in node.pods where pod.eni == eni.ifname {
                    let name = pod.namespace == "default" ? "" : "\(pod.namespace)/"
                    lines.append(
                        "      \(name)\(pod.name)  \(pod.ipv4)  \(pod.ipv6)  \(pod.veth)")
                }
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
