// The VPC CNI's iptables rules (on-node SNAT, node-port support), as every version up to 1.22, and
// later ones with the legacy backend, write them. They are IPv4 only: IPv6 clusters get none.

import Model

/// Text for one `iptables-restore`.
enum CNIChains {
    /// The connection mark that pins node-port replies and internet-bound flows to the primary ENI.
    static let mark = "0x80"

    /// The mangle and nat tables of a node.
    ///
    /// - Parameters:
    ///   - primary: name of the primary ENI's interface.
    ///   - node: the node's primary address, which the internet sees.
    ///   - vpc: IPv4 prefixes inside of which nothing is translated.
    static func restoreInput(primary: String, node: IPAddress, vpc: [CIDR]) -> String {
        let restore = "-j CONNMARK --restore-mark --nfmask \(mark) --ctmask \(mark)"
        var lines = ["*mangle"]
        lines.append(
            "-A PREROUTING -i \(primary) -m comment --comment \"AWS, primary ENI\" -m addrtype "
                + "--dst-type LOCAL --limit-iface-in -j CONNMARK --set-xmark \(mark)/\(mark)")
        for interface in ["eni+", "vlan+"] {
            lines.append(
                "-A PREROUTING -i \(interface) -m comment --comment \"AWS, primary ENI\" \(restore)"
            )
        }
        lines += ["COMMIT", "*nat", ":AWS-SNAT-CHAIN-0 - [0:0]", ":AWS-CONNMARK-CHAIN-0 - [0:0]"]
        lines.append(
            "-A PREROUTING -i eni+ -m comment --comment \"AWS, outbound connections\" "
                + "-j AWS-CONNMARK-CHAIN-0")
        lines.append("-A PREROUTING -m comment --comment \"AWS, CONNMARK\" \(restore)")
        lines.append(
            "-A POSTROUTING -m comment --comment \"AWS SNAT CHAIN\" -j AWS-SNAT-CHAIN-0")
        for prefix in vpc {
            lines.append(
                "-A AWS-CONNMARK-CHAIN-0 -d \(prefix) -m comment "
                    + "--comment \"AWS CONNMARK CHAIN, VPC CIDR\" -j RETURN")
            lines.append(
                "-A AWS-SNAT-CHAIN-0 -d \(prefix) -m comment --comment \"AWS SNAT CHAIN\" -j RETURN"
            )
        }
        lines.append(
            "-A AWS-CONNMARK-CHAIN-0 -m comment --comment \"AWS, CONNMARK\" "
                + "-j CONNMARK --set-xmark \(mark)/\(mark)")
        lines.append(
            "-A AWS-SNAT-CHAIN-0 ! -o vlan+ -m comment --comment \"AWS, SNAT\" -m addrtype "
                + "! --dst-type LOCAL -j SNAT --to-source \(node) --random-fully")
        lines.append("COMMIT")
        return lines.joined(separator: "\n") + "\n"
    }
}
